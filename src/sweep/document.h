/* YAML text with the place of everything in it (libyaml), and errors that show that place.
 *
 * An error reads FILE:LINE:COLUMN: sentence, followed by the line and a caret. Several errors may be collected in one
 * gs_error. */
#ifndef GS_SWEEP_DOCUMENT_H
#define GS_SWEEP_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "ground/status.h"

typedef struct gs_document gs_document;

/* A node and where it stands. Values of the document's lifetime. */
typedef struct {
    const gs_document *document;
    const yaml_node_t *yaml; /* NULL: there is no such node */
} gs_node;

/* Reads a file. GS_ERROR_INPUT with path and reason: unreadable, too large, not YAML (with line and column), empty. */
GS_MUST_CHECK gs_status gs_document_read(gs_document **document, const char *path, gs_error *error);

/* Parses `text`, which is copied. One document; merge keys, tags and keys that are not scalars are refused. `name` is
 * what errors call it. */
GS_MUST_CHECK gs_status gs_document_parse(gs_document **document, const char *name, const char *text, size_t length,
                                          gs_error *error);

void gs_document_destroy(gs_document **document);

const char *gs_document_text(const gs_document *document);
gs_node gs_document_root(const gs_document *document);

bool gs_node_is_mapping(gs_node node);
bool gs_node_is_sequence(gs_node node);
bool gs_node_is_scalar(gs_node node);
bool gs_node_is_null(gs_node node);  /* no node, empty, ~, null */
bool gs_node_is_plain(gs_node node); /* a scalar that is not quoted */

/* The text of a scalar; "" for other nodes. */
const char *gs_node_text(gs_node node);

/* Pairs of a mapping, items of a sequence, in the order of the text. */
size_t gs_node_count(gs_node node);
gs_node gs_node_key(gs_node mapping, size_t index);
gs_node gs_node_item(gs_node node, size_t index);

/* The value of a key, or a node without yaml. */
gs_node gs_node_find(gs_node mapping, const char *key);

/* A value as errors tell it: 'its text', a list, a mapping. */
typedef struct {
    char text[96];
} gs_shown;
gs_shown gs_node_show(gs_node node);

/* Adds "FILE:LINE:COLUMN: sentence" with line and caret to `error`; returns GS_ERROR_INPUT. */
gs_status gs_node_fail(gs_node node, gs_error *error, const char *format, ...) GS_PRINTF(3, 4);

/* Whether no further error has room; the text then says that there are more. */
bool gs_error_is_full(const gs_error *error);

/* Adds the errors of `more`, as far as they have room. */
void gs_error_append(gs_error *error, const gs_error *more);

/* The sentence, with nearest name, for `node`, whose text is not among `names` ("what" is e.g. "parameter"). */
gs_status gs_node_fail_name(gs_node node, gs_error *error, const char *what, const char *const *names, size_t count);

#endif
