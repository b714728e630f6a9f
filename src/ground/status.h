/* Error codes and the sentence that goes with them.
 *
 * A function that can fail returns a gs_status and, on failure, has written one
 * sentence with the offending values into the gs_error that its caller passed.
 * Callers that add context do so with gs_error_prefix. Nothing here prints or exits. */
#ifndef GS_GROUND_STATUS_H
#define GS_GROUND_STATUS_H

#include <stdarg.h>

#if defined(__GNUC__)
#define GS_MUST_CHECK __attribute__((warn_unused_result))
#define GS_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define GS_MUST_CHECK
#define GS_PRINTF(text, first)
#endif

typedef enum {
    GS_OK = 0,
    GS_ERROR_INPUT,    /* the user's files or arguments are wrong (exit 2) */
    GS_ERROR_STORAGE,  /* the results file or its folder failed (exit 3) */
    GS_ERROR_MEMORY,   /* an allocation failed */
    GS_ERROR_INTERNAL, /* a promise inside the program was broken (exit 70) */
    GS_STATUS_COUNT
} gs_status;

enum { GS_ERROR_TEXT = 4096 };

/* One sentence (several lines where several things are wrong), ended by NUL. */
typedef struct {
    char text[GS_ERROR_TEXT];
} gs_error;

/* Writes the sentence and returns `status`, so that callers can `return gs_fail(...)`.
 * `error` may be NULL when the caller has no use for the text. */
gs_status gs_fail(gs_error *error, gs_status status, const char *format, ...) GS_PRINTF(3, 4);

/* Puts "prefix: " before the text that is already there. */
void gs_error_prefix(gs_error *error, const char *format, ...) GS_PRINTF(2, 3);

/* "ok", "input", "storage", ... */
const char *gs_status_name(gs_status status);

#endif
