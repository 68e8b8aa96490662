/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_import_state.c - any bytes as what a store keeps of a file.
 *
 * What is taken is encoded to the same bytes again, but for what is reserved; a
 * copy says the same, and shares nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "fuzz/support.h"
#include "tools/import_state.h"

#define BYTES_MAX 4096u
#define RESERVED  3u
#define MODE      4u /* four bytes, of which twelve bits count */

static void
state_must_encode(const struct import_state *state, const uint8_t *bytes,
                  size_t size)
{
    size_t len = 0;
    char *again = import_state_encode(state, &len);
    uint8_t *plain = exact_copy(bytes, size);

    MUST(again && len == size && len > MODE + 4);
    plain[RESERVED] = 0;
    slg_store_le32(plain + MODE, slg_load_le32(plain + MODE) & 07777);
    MUST(memcmp(again, plain, len) == 0);
    free(again);
    free(plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import_state state;
    struct import_state copy;
    bool is_out_of_memory = false;
    uint8_t *bytes = NULL;

    if (size > BYTES_MAX)
        return 0;
    bytes = exact_copy(data, size);
    if (import_state_decode((const char *)bytes, size, &state,
                            &is_out_of_memory)) {
        MUST(state.type >= IMPORT_FILE && state.type <= IMPORT_LINK);
        state_must_encode(&state, bytes, size);
        MUST(import_state_copy(&copy, &state));
        import_state_free(&state);
        state_must_encode(&copy, bytes, size);
        MUST(import_state_retire(&copy, 1));
        MUST(copy.older[copy.older_count - 1].replaced_at_ms == 1);
        import_state_free(&copy);
    } else {
        MUST(!state.older && !state.target);
    }
    free(bytes);
    return 0;
}
