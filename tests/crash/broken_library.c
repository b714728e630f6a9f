/* Preloaded into a program, makes its HDF5 break over the first file that is opened, as some damaged files do. BROKEN
 * is how: "memory", "abort" or "loop"; the time that the program allows it is cut to a tenth of a second. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

int H5Fis_hdf5(const char *path);

int H5Fis_hdf5(const char *path)
{
    const char *how = getenv("BROKEN");
    (void)path;
    if (how != NULL && strcmp(how, "abort") == 0) abort();
    if (how != NULL && strcmp(how, "memory") == 0) *(volatile int *)8 = 1;
    for (volatile int turn = 0;; turn++) continue;
    return 0;
}

int setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
    int (*real)(__itimer_which_t, const struct itimerval *, struct itimerval *) =
        (int (*)(__itimer_which_t, const struct itimerval *, struct itimerval *))dlsym(RTLD_NEXT, "setitimer");
    struct itimerval shorter = *value;
    if (value->it_value.tv_sec > 0) shorter.it_value = (struct timeval){.tv_usec = 100000};
    return real(which, &shorter, old);
}
