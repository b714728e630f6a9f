#include "ground/utf8.h"

#include <stddef.h>

/* Bytes of the character that begins with this one; 0: none does. */
static size_t length_of(unsigned char first)
{
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* Overlong forms, halves of surrogate pairs and what is beyond U+10FFFF show in the second byte. */
static bool goes_on(unsigned char first, unsigned char second)
{
    if (second < 0x80 || second > 0xBF) return false;
    return !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second > 0x9F) &&
           !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second > 0x8F);
}

void gs_utf8_mend(char *text)
{
    for (size_t i = 0; text[i] != '\0';) {
        const unsigned char *at = (const unsigned char *)text + i;
        size_t length = length_of(at[0]), whole = 1;
        while (whole < length && (whole == 1 ? goes_on(at[0], at[1]) : at[whole] >= 0x80 && at[whole] <= 0xBF)) whole++;
        if (length > 1 && whole < length && at[whole] == '\0') {
            text[i] = '\0';
            return;
        }
        if (whole != length) text[i] = '?', whole = 1;
        i += whole;
    }
}

bool gs_utf8_tame(char *text, char instead)
{
    bool found = false;
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        bool second = c[0] == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F; /* U+0080 to U+009F */
        if (*c >= 0x20 && *c != 0x7F && !second) continue;
        *c = (unsigned char)instead;
        if (second) *++c = (unsigned char)instead;
        found = true;
    }
    return found;
}
