/* SPDX-License-Identifier: MIT */
/* src/testing/disk_image.c - the bytes of a file in pages that are shared. */
#include "src/testing/disk_image.h"

#include <stdlib.h>
#include <string.h>

size_t
slg_page_count(uint64_t size)
{
    return (size_t)((size + SLG_PAGE - 1) / SLG_PAGE);
}

struct slg_page *
slg_page_new(void)
{
    struct slg_page *page = malloc(sizeof *page);

    if (page)
        atomic_init(&page->ref_count, 1);
    return page;
}

static struct slg_page *
page_ref(struct slg_page *page)
{
    if (page)
        (void)atomic_fetch_add_explicit(&page->ref_count, 1,
                                        memory_order_relaxed);
    return page;
}

void
slg_page_unref(struct slg_page *page)
{
    if (page && atomic_fetch_sub_explicit(&page->ref_count, 1,
                                          memory_order_acq_rel) == 1)
        free(page);
}

/* Up to the last one: a write that found no memory may have left some. */
static void
pages_drop(struct slg_image *image, size_t first)
{
    for (size_t i = first; i < image->cap; i++) {
        slg_page_unref(image->pages[i]);
        image->pages[i] = NULL;
    }
}

void
slg_image_reset(struct slg_image *image)
{
    pages_drop(image, 0);
    free(image->pages);
    *image = (struct slg_image){ 0 };
}

bool
slg_image_reserve(struct slg_image *image, uint64_t size)
{
    const size_t need = slg_page_count(size);
    size_t cap = image->cap + image->cap / 2;
    struct slg_page **pages = NULL;

    if (size > SIZE_MAX / 2)
        return false;
    if (need <= image->cap)
        return true;
    if (cap < need)
        cap = need < 8 ? 8 : need;
    pages = realloc(image->pages, cap * sizeof(struct slg_page *));
    if (!pages)
        return false;
    memset(pages + image->cap, 0,
           (cap - image->cap) * sizeof(struct slg_page *));
    image->pages = pages;
    image->cap = cap;
    return true;
}

/* The page may be written to: nobody else has it. */
static struct slg_page *
page_own(struct slg_image *image, size_t index)
{
    struct slg_page *page = image->pages[index];
    struct slg_page *own = NULL;

    if (page &&
        atomic_load_explicit(&page->ref_count, memory_order_acquire) == 1)
        return page;
    own = slg_page_new();
    if (!own)
        return NULL;
    if (page)
        memcpy(own->bytes, page->bytes, SLG_PAGE);
    else
        memset(own->bytes, 0, SLG_PAGE);
    slg_page_unref(page);
    image->pages[index] = own;
    return own;
}

bool
slg_image_resize(struct slg_image *image, uint64_t size)
{
    const size_t used = (size_t)(image->size % SLG_PAGE);

    if (size < image->size) {
        pages_drop(image, slg_page_count(size));
        image->size = size;
        return true;
    }
    if (!slg_image_reserve(image, size))
        return false;
    /* Bytes behind the end are those of before a cut. */
    if (size > image->size && used != 0) {
        struct slg_page *last =
            page_own(image, (size_t)(image->size / SLG_PAGE));

        if (!last)
            return false;
        memset(last->bytes + used, 0, SLG_PAGE - used);
    }
    image->size = size;
    return true;
}

bool
slg_image_share(struct slg_image *image, const struct slg_image *from,
                size_t first)
{
    const size_t count = slg_page_count(from->size);

    if (!slg_image_reserve(image, from->size))
        return false;
    if (image->size > from->size)
        pages_drop(image, count);
    image->size = from->size;
    for (size_t i = first; i < count; i++) {
        if (image->pages[i] == from->pages[i])
            continue;
        slg_page_unref(image->pages[i]);
        image->pages[i] = page_ref(from->pages[i]);
    }
    return true;
}

void
slg_image_put_page(struct slg_image *image, size_t index, struct slg_page *page)
{
    slg_page_unref(image->pages[index]);
    image->pages[index] = page;
}

bool
slg_image_write(struct slg_image *image, uint64_t offset, const void *data,
                size_t len)
{
    const uint64_t size = image->size;
    const uint8_t *from = data;

    if (len == 0)
        return true;
    if (len > SIZE_MAX / 2 - offset ||
        (offset > size && !slg_image_resize(image, offset)) ||
        !slg_image_reserve(image, offset + len))
        return false;
    /* All pages first, so that a failure leaves the bytes as they are. */
    for (size_t i = (size_t)(offset / SLG_PAGE);
         i < slg_page_count(offset + len); i++) {
        if (!page_own(image, i)) {
            image->size = size;
            return false;
        }
    }
    while (len > 0) {
        const size_t at = (size_t)(offset % SLG_PAGE);
        const size_t part = len < SLG_PAGE - at ? len : SLG_PAGE - at;

        memcpy(image->pages[offset / SLG_PAGE]->bytes + at, from, part);
        offset += part;
        from += part;
        len -= part;
    }
    if (offset > image->size)
        image->size = offset;
    return true;
}

void
slg_image_read(const struct slg_image *image, uint64_t offset, void *buf,
               size_t len)
{
    uint8_t *to = buf;

    while (len > 0) {
        const size_t at = (size_t)(offset % SLG_PAGE);
        const size_t part = len < SLG_PAGE - at ? len : SLG_PAGE - at;
        const struct slg_page *page = image->pages[offset / SLG_PAGE];

        if (page)
            memcpy(to, page->bytes + at, part);
        else
            memset(to, 0, part);
        offset += part;
        to += part;
        len -= part;
    }
}

void
slg_image_read_sector(const struct slg_image *image, size_t index,
                      uint8_t buf[SEGLOG_DISK_SECTOR])
{
    const uint64_t offset = (uint64_t)index * SLG_PAGE;
    const uint64_t left = image->size > offset ? image->size - offset : 0;
    const size_t has = left < SLG_PAGE ? (size_t)left : SLG_PAGE;

    slg_image_read(image, offset, buf, has);
    memset(buf + has, 0, SLG_PAGE - has);
}
