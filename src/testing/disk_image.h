/* SPDX-License-Identifier: MIT */
/*
 * src/testing/disk_image.h - the bytes of a file in pages that are shared.
 *
 * A page is one sector.  Images share pages until one of them writes, so that
 * a copy costs a pointer a sector, and thousands of power cuts of the same
 * moment hold its bytes once.
 */
#ifndef SLG_TESTING_DISK_IMAGE_H
#define SLG_TESTING_DISK_IMAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/testing/disk_store.h"

#define SLG_PAGE ((size_t)SEGLOG_DISK_SECTOR)

struct slg_page {
    atomic_uint ref_count;
    uint8_t bytes[SEGLOG_DISK_SECTOR];
};

/* Zeroed: empty.  A page that is NULL holds zeros. */
struct slg_image {
    struct slg_page **pages; /* as many as the size needs */
    size_t cap;
    uint64_t size;
};

size_t
slg_page_count(uint64_t size);

/* A new page with one reference, or NULL. */
struct slg_page *
slg_page_new(void);

void
slg_page_unref(struct slg_page *page);

void
slg_image_reset(struct slg_image *image);

/* Room for the pages of that many bytes. */
bool
slg_image_reserve(struct slg_image *image, uint64_t size);

/* What comes to it is zeros; what goes is forgotten. */
bool
slg_image_resize(struct slg_image *image, uint64_t size);

/*
 * Make it as long as `from` and share all its pages from page number `first`
 * on; those before stay.
 */
bool
slg_image_share(struct slg_image *image, const struct slg_image *from,
                size_t first);

/* Put in a page, whose reference it takes over.  Inside the size. */
void
slg_image_put_page(struct slg_image *image, size_t index,
                   struct slg_page *page);

/* Grows it where need be.  False: no memory, and nothing was changed. */
bool
slg_image_write(struct slg_image *image, uint64_t offset, const void *data,
                size_t len);

/* The range lies inside. */
void
slg_image_read(const struct slg_image *image, uint64_t offset, void *buf,
               size_t len);

/* One sector, with zeros behind the end of the image. */
void
slg_image_read_sector(const struct slg_image *image, size_t index,
                      uint8_t buf[SEGLOG_DISK_SECTOR]);

#endif /* SLG_TESTING_DISK_IMAGE_H */
