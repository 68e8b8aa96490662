/* SPDX-License-Identifier: MIT */
/*
 * floor_hash - hash records, one by one, as `openssl speed sha256` does.
 *
 * Arguments: records, size.
 */
#include <openssl/evp.h>

#include "tests/bench/bench.h"

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 100000);
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (!md)
        bench_fail("no SHA-256");
    bench_start();
    for (uint64_t i = 0; i < records; i++) {
        if (EVP_Digest(bench_payload(&payloads, i), payloads.len, hash, NULL,
                       md, NULL) != 1)
            bench_fail("EVP_Digest");
    }
    bench_stop();
    bench_report("records", (double)records);
    EVP_MD_free(md);
    return 0;
}
