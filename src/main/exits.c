#include "main/exits.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int gs_exit_of(gs_status status)
{
    switch (status) {
    case GS_OK: return EXIT_SUCCESS;
    case GS_ERROR_INPUT: return GS_EXIT_INPUT;
    case GS_ERROR_STORAGE: return GS_EXIT_STORAGE;
    case GS_ERROR_MEMORY:
    case GS_ERROR_INTERNAL:
    case GS_STATUS_COUNT: break;
    }
    return GS_EXIT_INTERNAL;
}

void gs_exit_tell(const gs_error *error)
{
    bool placed = strchr(error->text, '\n') != NULL;
    fprintf(stderr, "%s%s\n", placed ? "" : "gensweep: ", error->text);
}
