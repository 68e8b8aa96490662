/* SPDX-License-Identifier: MIT */
/* src/session/session_dictionary.c - which dictionary new lanes are made with. */
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_dictionary.h"
#include "src/session/session_store.h"
#include "src/store/fail.h"

static const struct seglog_slice setting_name = { "dictionary", 10 };

seglog_code
slg_session_read_dictionary(const struct seglog_session_store *sessions,
                            char name[SEGLOG_DICTIONARY_NAME_BYTES],
                            struct seglog_error *err)
{
    char *data = NULL;
    size_t len = 0;
    const seglog_code code = slg_names_read(sessions->names, SLG_NAMES_SETTING,
                                            setting_name, &data, &len, err);

    name[0] = '\0';
    /* What is no name of one is of another version, or forged. */
    if (code == SEGLOG_OK && data && len == SEGLOG_DICTIONARY_NAME_BYTES - 1)
        memcpy(name, data, len + 1);
    free(data);
    return code;
}

seglog_code
seglog_session_store_get_dictionary(struct seglog_session_store *sessions,
                                    char name[SEGLOG_DICTIONARY_NAME_BYTES],
                                    struct seglog_error *err)
{
    if (!sessions || !name)
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    return slg_session_read_dictionary(sessions, name, err);
}

seglog_code
seglog_session_store_set_dictionary(struct seglog_session_store *sessions,
                                    const char *name, struct seglog_error *err)
{
    struct seglog_named item = { .space = SLG_NAMES_SETTING,
                                 .name = setting_name,
                                 .is_deleted = !name };
    struct slg_dictionary *dictionary = NULL;
    seglog_code code = SEGLOG_OK;

    if (!sessions)
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    if (name)
        code =
            slg_dictionary_load(sessions->store, name, NULL, &dictionary, err);
    slg_dictionary_release(dictionary);
    if (code != SEGLOG_OK)
        return code;
    item.data = (struct seglog_slice){ name, name ? strlen(name) : 0 };
    return slg_names_write(sessions->names, &item, 1, SEGLOG_LEVEL_SYNC, err);
}
