#include "sweep/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "ground/utf8.h"
#include "settings/settings.h"

enum {
    FILE_LIMIT = 1 << 20, /* bytes: a sweep file is written by hand */
    NESTING_LIMIT = 64,   /* brackets: libyaml takes time with the square of the depth, */
    ANCHORS_LIMIT = 100   /* and with the square of the number of anchors */
};

static const char more_errors[] = "\nThere are more errors.";

bool gs_error_is_full(const gs_error *error)
{
    size_t used = error != NULL ? strlen(error->text) : 0, length = sizeof more_errors - 1;
    return used >= length && strcmp(error->text + used - length, more_errors) == 0;
}

struct gs_document {
    char *name, *text;
    size_t length;
    yaml_document_t yaml;
    bool parsed;
};

/* A place in the text as editors count it, lines and characters from 0. libyaml knows line breaks that they do not. */
typedef struct {
    const char *start; /* of its line */
    size_t line, column;
} place;

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

/* Bytes of the line break of YAML 1.1 that stands here: CR LF, LF, CR, U+0085, U+2028 or U+2029; 0: none. */
static size_t break_length(const char *c)
{
    if (*c == '\n' || *c == '\r') return c[0] == '\r' && c[1] == '\n' ? 2 : 1;
    if (strncmp(c, "\xC2\x85", 2) == 0) return 2;
    return strncmp(c, "\xE2\x80\xA8", 3) == 0 || strncmp(c, "\xE2\x80\xA9", 3) == 0 ? 3 : 0;
}

static place find_place(const gs_document *document, size_t yaml_line, size_t yaml_column)
{
    place found = {.start = document->text};
    for (const char *c = document->text; yaml_line > 0 && *c != '\0';) {
        size_t length = break_length(c);
        yaml_line -= length > 0;
        if (length > 0 && (*c == '\n' || *c == '\r')) {
            found = (place){c + length, found.line + 1, 0};
        } else {
            found.column += begins_character(*c);
        }
        c += length > 0 ? length : 1;
    }
    found.column += yaml_column;
    return found;
}

/* The place of a byte, before which the text is UTF-8. */
static place find_byte(const gs_document *document, size_t offset)
{
    place found = {.start = document->text};
    for (size_t i = 0; i < offset && i < document->length; i++) {
        if (document->text[i] == '\n') found = (place){document->text + i + 1, found.line + 1, 0};
        else found.column += begins_character(document->text[i]);
    }
    return found;
}

/* What is shown of a line: its beginning, or of a long one the part around the place of an error. */
enum { SHOWN = 120, BEFORE = 60 /* characters before the place */ };

typedef struct {
    char text[4 * SHOWN + 8];
    int caret; /* characters before it */
} excerpt;

static excerpt show_line(const place *at)
{
    excerpt shown = {.caret = (int)at->column};
    size_t first = at->column < SHOWN ? 0 : at->column - BEFORE, column = 0, used = 0;
    if (first > 0) {
        used = (size_t)snprintf(shown.text, sizeof shown.text, "... ");
        shown.caret = BEFORE + (int)used;
    }
    for (const char *c = at->start; strchr("\r\n", *c) == NULL && used + 1 < sizeof shown.text; c++) {
        column += c > at->start && begins_character(*c);
        if (column >= first + SHOWN) break;
        if (column >= first) shown.text[used++] = *c == '\t' ? ' ' : *c;
    }
    shown.text[used] = '\0';
    gs_utf8_mend(shown.text);
    gs_utf8_tame(shown.text, '?'); /* what is not text must not reach a terminal */
    return shown;
}

/* Where further text goes, and how much of it has room before `more_errors`. */
static char *end_of(gs_error *error, size_t *room)
{
    size_t used = strlen(error->text);
    *room = sizeof error->text - sizeof more_errors - used;
    return error->text + used;
}

/* Appends one error with the line it is about. */
static void add_error(const gs_document *document, place where, gs_error *error, const char *sentence)
{
    if (error == NULL || gs_error_is_full(error)) return;
    size_t room;
    char *end = end_of(error, &room);
    excerpt shown = show_line(&where);
    int written =
        snprintf(end, room, "%s%s:%zu:%zu: %s\n%6zu | %s\n       | %*s^", end > error->text ? "\n" : "", document->name,
                 where.line + 1, where.column + 1, sentence, where.line + 1, shown.text, shown.caret, "");
    if (written < 0 || (size_t)written >= room) strcpy(end, more_errors); /* an error too many is left out whole */
}

void gs_error_append(gs_error *error, const gs_error *more)
{
    if (error == NULL || gs_error_is_full(error)) return;
    size_t room;
    char *end = end_of(error, &room);
    int written = snprintf(end, room, "%s%s", end > error->text ? "\n" : "", more->text);
    if (written >= 0 && (size_t)written < room) return;
    char *cut = end + strlen(end);
    do { /* as many as fit whole: the further lines of an error are indented */
        *cut = '\0';
        cut = strrchr(end, '\n');
    } while (cut != NULL && cut[1] == ' ');
    strcpy(cut != NULL ? cut : end, more_errors);
}

static gs_status tell_parser_error(const gs_document *document, const yaml_parser_t *parser, gs_error *error)
{
    if (parser->error == YAML_MEMORY_ERROR || parser->error == YAML_NO_ERROR) /* libyaml does not always say so */
        return gs_fail(error, GS_ERROR_MEMORY, "%s: out of memory for the YAML parser", document->name);
    char sentence[512];
    snprintf(sentence, sizeof sentence, "not valid YAML: %s%s%s",
             parser->problem != NULL ? parser->problem : "unreadable", parser->context != NULL ? " " : "",
             parser->context != NULL ? parser->context : "");
    add_error(document,
              parser->error == YAML_READER_ERROR
                  ? find_byte(document, parser->problem_offset)
                  : find_place(document, parser->problem_mark.line, parser->problem_mark.column),
              error, sentence);
    return GS_ERROR_INPUT;
}

static gs_status refuse(const gs_document *document, yaml_mark_t mark, gs_error *error, const char *sentence)
{
    add_error(document, find_place(document, mark.line, mark.column), error, sentence);
    return GS_ERROR_INPUT;
}

typedef struct {
    int depth, documents, anchors;
} event_counts;

/* What would be read wrong, or take long, is refused while the text is still a stream of events. */
static gs_status check_event(const gs_document *document, const yaml_event_t *event, event_counts *counts,
                             gs_error *error)
{
    const yaml_char_t *tag = NULL, *anchor = NULL;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++counts->documents > 1)
            return refuse(document, event->start_mark, error, "a second document begins here; a sweep is one");
        break;
    case YAML_SCALAR_EVENT:
        tag = event->data.scalar.tag;
        anchor = event->data.scalar.anchor;
        break;
    case YAML_SEQUENCE_START_EVENT:
        tag = event->data.sequence_start.tag;
        anchor = event->data.sequence_start.anchor;
        counts->depth++;
        break;
    case YAML_MAPPING_START_EVENT:
        tag = event->data.mapping_start.tag;
        anchor = event->data.mapping_start.anchor;
        counts->depth++;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: counts->depth--; break;
    default: break;
    }
    counts->anchors += anchor != NULL;
    if (counts->depth > NESTING_LIMIT)
        return refuse(document, event->start_mark, error, "is nested more deeply than any sweep");
    if (counts->anchors > ANCHORS_LIMIT)
        return refuse(document, event->start_mark, error, "has more anchors (&name) than any sweep");
    return tag == NULL ? GS_OK : refuse(document, event->start_mark, error, "tags (!name) have no meaning in a sweep");
}

static gs_status check_events(const gs_document *document, gs_error *error)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)document->text, document->length);
    gs_status status = GS_OK;
    event_counts counts = {0, 0, 0};
    bool ended = false;
    while (status == GS_OK && !ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = tell_parser_error(document, &parser, error);
            break;
        }
        status = check_event(document, &event, &counts, error);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}

static gs_status check_keys(const gs_document *document, gs_error *error)
{
    const yaml_node_t *end = document->yaml.nodes.top;
    for (const yaml_node_t *node = document->yaml.nodes.start; node < end; node++) {
        for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             node->type == YAML_MAPPING_NODE && pair < node->data.mapping.pairs.top; pair++) {
            const yaml_node_t *key = document->yaml.nodes.start + pair->key - 1;
            if (key->type != YAML_SCALAR_NODE)
                return refuse(document, key->start_mark, error, "a key is a word, not a list or a mapping");
            if (strcmp((const char *)key->data.scalar.value, "<<") == 0)
                return refuse(document, key->start_mark, error,
                              "merge keys (<<) are not supported: write the keys out");
        }
    }
    return GS_OK;
}

static gs_status parse(gs_document *document, gs_error *error)
{
    if (error != NULL) error->text[0] = '\0';
    if (memchr(document->text, '\0', document->length) != NULL)
        return gs_fail(error, GS_ERROR_INPUT, "%s: holds a NUL byte and is not YAML text", document->name);
    gs_status status = check_events(document, error);
    if (status != GS_OK) return status;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)document->text, document->length);
    document->parsed = yaml_parser_load(&parser, &document->yaml) != 0;
    if (!document->parsed) status = tell_parser_error(document, &parser, error);
    else if (yaml_document_get_root_node(&document->yaml) == NULL)
        status = gs_fail(error, GS_ERROR_INPUT, "%s: is empty", document->name);
    else status = check_keys(document, error);
    yaml_parser_delete(&parser);
    return status;
}

gs_status gs_document_parse(gs_document **document, const char *name, const char *text, size_t length, gs_error *error)
{
    gs_document *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->name = strdup(name);
        made->text = malloc(length + 1);
        made->length = length;
    }
    if (made == NULL || made->name == NULL || made->text == NULL) {
        gs_document_destroy(&made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bytes of YAML", length);
    }
    memcpy(made->text, text, length);
    made->text[length] = '\0';
    gs_status status = parse(made, error);
    if (status == GS_OK) *document = made;
    else gs_document_destroy(&made);
    return status;
}

gs_status gs_document_read(gs_document **document, const char *path, gs_error *error)
{
    char *text = NULL;
    struct stat found;
    gs_status status;
    if (stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
        return gs_fail(error, GS_ERROR_INPUT,
                       "cannot read the sweep file '%s': it is a pipe or a device, and a sweep is read more than once; "
                       "write it into a file first",
                       path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return gs_fail(error, GS_ERROR_INPUT, "cannot read the sweep file '%s': %s", path, strerror(errno));
    text = malloc(FILE_LIMIT + 1);
    if (text == NULL) {
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory for '%s'", path);
        goto out;
    }
    size_t length = fread(text, 1, FILE_LIMIT + 1, file);
    if (ferror(file))
        status = gs_fail(error, GS_ERROR_INPUT, "cannot read the sweep file '%s': %s", path, strerror(errno));
    else if (length > FILE_LIMIT)
        status =
            gs_fail(error, GS_ERROR_INPUT, "%s: is larger than %d MiB, which no sweep file is", path, FILE_LIMIT >> 20);
    else status = gs_document_parse(document, path, text, length, error);
out:
    free(text);
    fclose(file);
    return status;
}

void gs_document_destroy(gs_document **document)
{
    if (document == NULL || *document == NULL) return;
    if ((*document)->parsed) yaml_document_delete(&(*document)->yaml);
    free((*document)->name);
    free((*document)->text);
    free(*document);
    *document = NULL;
}

const char *gs_document_text(const gs_document *document)
{
    return document->text;
}

/* libyaml's document functions take a pointer to non-const but only read. */
static yaml_document_t *yaml_of(const gs_document *document)
{
    union {
        const yaml_document_t *given;
        yaml_document_t *wanted;
    } same = {&document->yaml};
    return same.wanted;
}

static gs_node node_number(const gs_document *document, int number)
{
    return (gs_node){document, yaml_document_get_node(yaml_of(document), number)};
}

gs_node gs_document_root(const gs_document *document)
{
    return (gs_node){document, yaml_document_get_root_node(yaml_of(document))};
}

bool gs_node_is_mapping(gs_node node)
{
    return node.yaml != NULL && node.yaml->type == YAML_MAPPING_NODE;
}

bool gs_node_is_sequence(gs_node node)
{
    return node.yaml != NULL && node.yaml->type == YAML_SEQUENCE_NODE;
}

bool gs_node_is_scalar(gs_node node)
{
    return node.yaml != NULL && node.yaml->type == YAML_SCALAR_NODE;
}

bool gs_node_is_plain(gs_node node)
{
    return gs_node_is_scalar(node) && node.yaml->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool gs_node_is_null(gs_node node)
{
    if (node.yaml == NULL) return true;
    const char *text = gs_node_text(node);
    return gs_node_is_plain(node) && (*text == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0);
}

const char *gs_node_text(gs_node node)
{
    return gs_node_is_scalar(node) ? (const char *)node.yaml->data.scalar.value : "";
}

size_t gs_node_count(gs_node node)
{
    if (gs_node_is_mapping(node))
        return (size_t)(node.yaml->data.mapping.pairs.top - node.yaml->data.mapping.pairs.start);
    if (gs_node_is_sequence(node))
        return (size_t)(node.yaml->data.sequence.items.top - node.yaml->data.sequence.items.start);
    return 0;
}

gs_node gs_node_key(gs_node mapping, size_t index)
{
    return node_number(mapping.document, mapping.yaml->data.mapping.pairs.start[index].key);
}

gs_node gs_node_item(gs_node node, size_t index)
{
    int number = gs_node_is_mapping(node) ? node.yaml->data.mapping.pairs.start[index].value
                                          : node.yaml->data.sequence.items.start[index];
    return node_number(node.document, number);
}

gs_node gs_node_find(gs_node mapping, const char *key)
{
    for (size_t i = 0; gs_node_is_mapping(mapping) && i < gs_node_count(mapping); i++)
        if (strcmp(gs_node_text(gs_node_key(mapping, i)), key) == 0) return gs_node_item(mapping, i);
    return (gs_node){mapping.document, NULL};
}

gs_shown gs_node_show(gs_node node)
{
    gs_shown shown;
    if (gs_node_is_scalar(node)) snprintf(shown.text, sizeof shown.text, "'%.80s'", gs_node_text(node));
    else snprintf(shown.text, sizeof shown.text, gs_node_is_mapping(node) ? "a mapping" : "a list");
    return shown;
}

gs_status gs_node_fail(gs_node node, gs_error *error, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    gs_utf8_mend(sentence); /* values are cut between bytes */
    gs_utf8_tame(sentence, '?');
    yaml_mark_t mark = node.yaml != NULL ? node.yaml->start_mark : (yaml_mark_t){0};
    add_error(node.document, find_place(node.document, mark.line, mark.column), error, sentence);
    return GS_ERROR_INPUT;
}

gs_status gs_node_fail_name(gs_node node, gs_error *error, const char *what, const char *const *names, size_t count)
{
    const char *near = gs_nearest_name(gs_node_text(node), names, count);
    if (near != NULL)
        return gs_node_fail(node, error, "unknown %s '%.80s'; did you mean '%s'?", what, gs_node_text(node), near);
    enum { FEW = 12 };
    if (count > FEW)
        return gs_node_fail(node, error, "unknown %s '%.80s'; see gensweep settings", what, gs_node_text(node));
    char list[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    return gs_node_fail(node, error, "unknown %s '%.80s'; there %s %s", what, gs_node_text(node),
                        count == 1 ? "is" : "are", list);
}
