/* Tags of the messages that farm.h describes. */
#ifndef GS_FARM_MESSAGES_H
#define GS_FARM_MESSAGES_H

enum {
    GS_TAG_REQUEST = 1,
    GS_TAG_JOB,
    GS_TAG_PROGRESS,
    GS_TAG_RESULT,
    GS_TAG_NOTE,
    GS_TAG_PASSED,
    GS_TAG_RUNG,
    GS_TAG_DECISION,
    GS_TAG_STOP,
    GS_TAG_LEAVING
};

#endif
