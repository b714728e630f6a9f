/* Metrics and flags of a run, one row each: id, name, type (REAL, INTEGER, FLAG), help. The enumeration and the table
 * of metrics (coverage/metrics.h), the choices of early_terminate.metric and their goals follow from it. A name stands
 * in results files, and the order of those of one goal is that of the choices.
 *
 * Included with a macro ROW, which all rows go to, or with SMALLER and LARGER: metrics that early stopping may compare
 * runs by, because they follow from counts and rejected alone, and of which a smaller or a larger one is better.
 * Whatever is not defined leaves its rows out. */
#ifndef ROW
#define ROW(...)
#endif
#ifndef SMALLER
#define SMALLER ROW
#endif
#ifndef LARGER
#define LARGER ROW
#endif

LARGER(MODES_0, "modes_0", INTEGER, "bins with at least one sample")
LARGER(MODES_10, "modes_10", INTEGER, "bins with at least 10 % of their expected samples")
LARGER(MODES_50, "modes_50", INTEGER, "bins with at least 50 % of their expected samples")
LARGER(COVERED_MASS, "covered_mass", REAL, "probability of the bins that modes_10 counts")
ROW(WORST_BIN, "worst_bin", INTEGER, "bin with the smallest share of its expected samples")
LARGER(WORST_RATIO, "worst_ratio", REAL, "that share")
SMALLER(TV, "tv", REAL, "total variation distance to the expected table")
SMALLER(TV_REJECT, "tv_reject", REAL, "the same with the rejected samples as a bin of probability 0")
SMALLER(KL, "kl", REAL, "KL(generated, expected), nats")
ROW(KL_CORRECTED, "kl_corrected", REAL, "kl less its bias at this number of samples")
SMALLER(JS, "js", REAL, "Jensen-Shannon divergence, nats")
LARGER(EFFECTIVE_MODES, "effective_modes", REAL, "exp(entropy of the generated table)")
ROW(NDB, "ndb", INTEGER, "bins whose exact binomial test rejects at .05")
ROW(NDB_HOLM, "ndb_holm", INTEGER, "the same with Holm's correction")
ROW(CHI2, "chi2", REAL, "Pearson's statistic")
ROW(CHI2_P, "chi2_p", REAL, "its p-value")
ROW(G, "g", REAL, "likelihood-ratio statistic")
ROW(G_P, "g_p", REAL, "its p-value")
ROW(MEAN_ERROR, "mean_error", REAL, "wrong pixels of a sample, on average")
ROW(QUALITY, "quality", REAL, "share of samples with error <= evaluation.quality_error")
ROW(SHADE_KS, "shade_ks", REAL, "distance of the shades within a bin from uniform, mean over samples")
ROW(ARTICLE_FILTER_SHARE, "article_filter_share", REAL,
    "share of samples with a mean of half of white or more, which the article's diffusion code does not count")
ROW(MISSING, "missing", FLAG, "some bin has less than 10 % of its expected samples")
ROW(COLLAPSED, "collapsed", FLAG, "covered_mass < .9")
ROW(SEVERE, "severe", FLAG, "covered_mass < .5")
ROW(FAILED, "failed", FLAG, "loss not finite, no memory, or more than half of the samples rejected")

#undef ROW
#undef SMALLER
#undef LARGER
