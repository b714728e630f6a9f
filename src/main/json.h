/* JSON on stdout. */
#ifndef GS_MAIN_JSON_H
#define GS_MAIN_JSON_H

void gs_json_string(const char *text);

#endif
