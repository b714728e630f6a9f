#include "ground/status.h"

#include <stdio.h>
#include <string.h>

gs_status gs_fail(gs_error *error, gs_status status, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return status;
}

void gs_error_prefix(gs_error *error, const char *format, ...)
{
    if (error == NULL) return;
    char before[GS_ERROR_TEXT];
    memcpy(before, error->text, sizeof before);
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (used < 0 || (size_t)used >= sizeof error->text) return;
    size_t start = (size_t)used;
    snprintf(error->text + start, sizeof error->text - start, ": %.*s", (int)(sizeof before - start - 3), before);
}

const char *gs_status_name(gs_status status)
{
    static const char *const names[GS_STATUS_COUNT] = {
        [GS_OK] = "ok",
        [GS_ERROR_INPUT] = "input",
        [GS_ERROR_STORAGE] = "storage",
        [GS_ERROR_MEMORY] = "memory",
        [GS_ERROR_INTERNAL] = "internal",
    };
    return (unsigned)status < GS_STATUS_COUNT ? names[status] : "unknown";
}
