#include "main/words.h"

#include <stdio.h>

const char *gs_plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

const char *gs_duration(double seconds, char text[GS_DURATION])
{
    long long all = seconds < 0 ? 0 : (long long)(seconds + 0.5);
    if (all >= 86400) snprintf(text, GS_DURATION, "%lldd %02lldh", all / 86400, all / 3600 % 24);
    else if (all >= 3600) snprintf(text, GS_DURATION, "%lldh %02lldm", all / 3600, all / 60 % 60);
    else snprintf(text, GS_DURATION, "%lldm %02llds", all / 60, all % 60);
    return text;
}
