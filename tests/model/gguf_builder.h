/* gguf_builder.h - GGUF files in memory, right or wrong, for tests. Include after support.h's needs (cmocka). */
#ifndef PLMR_TEST_GGUF_BUILDER_H
#define PLMR_TEST_GGUF_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of value types and tensor types, as in the format's description. */
enum { GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY };
enum { GGUF_U64 = 10, GGUF_I64, GGUF_F64 };
enum { TENSOR_F32 = 0, TENSOR_F16 = 1, TENSOR_Q8_0 = 8, TENSOR_Q4_K = 12, TENSOR_Q6_K = 14, TENSOR_BF16 = 30 };

/* A file that grows at its end. */
struct gguf_builder {
    unsigned char *bytes;
    size_t n, room;
};

static inline void build_bytes(struct gguf_builder *b, const void *from, size_t n)
{
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n);
        b->bytes = realloc(b->bytes, b->room);
        assert_non_null(b->bytes);
    }
    if (n)
        memcpy(b->bytes + b->n, from, n);
    b->n += n;
}

static inline void build_u32(struct gguf_builder *b, uint32_t value)
{
    build_bytes(b, &value, sizeof value);
}

static inline void build_u64(struct gguf_builder *b, uint64_t value)
{
    build_bytes(b, &value, sizeof value);
}

static inline void build_text(struct gguf_builder *b, const char *text)
{
    build_u64(b, strlen(text));
    build_bytes(b, text, strlen(text));
}

static inline void build_start(struct gguf_builder *b, uint32_t version, uint64_t n_tensors, uint64_t n_keys)
{
    b->n = 0;
    build_bytes(b, "GGUF", 4);
    build_u32(b, version);
    build_u64(b, n_tensors);
    build_u64(b, n_keys);
}

/* A key with a value of n bytes. */
static inline void build_key(struct gguf_builder *b, const char *key, uint32_t type, const void *value, size_t n)
{
    build_text(b, key);
    build_u32(b, type);
    build_bytes(b, value, n);
}

static inline void build_key_u32(struct gguf_builder *b, const char *key, uint32_t value)
{
    build_key(b, key, GGUF_U32, &value, sizeof value);
}

static inline void build_key_f32(struct gguf_builder *b, const char *key, float value)
{
    build_key(b, key, GGUF_F32, &value, sizeof value);
}

static inline void build_key_text(struct gguf_builder *b, const char *key, const char *value)
{
    build_text(b, key);
    build_u32(b, GGUF_STRING);
    build_text(b, value);
}

/* The head of an array; its elements follow. */
static inline void build_key_array(struct gguf_builder *b, const char *key, uint32_t type, uint64_t count)
{
    build_text(b, key);
    build_u32(b, GGUF_ARRAY);
    build_u32(b, type);
    build_u64(b, count);
}

/* A matrix of `rows` rows, or a vector if rows is 0. */
static inline void build_tensor(struct gguf_builder *b, const char *name, uint64_t cols, uint64_t rows, uint32_t type,
                                uint64_t offset)
{
    build_text(b, name);
    build_u32(b, rows ? 2 : 1);
    build_u64(b, cols);
    if (rows)
        build_u64(b, rows);
    build_u32(b, type);
    build_u64(b, offset);
}

static inline void build_zeros(struct gguf_builder *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        build_bytes(b, "", 1);
}

static inline void build_align(struct gguf_builder *b, size_t alignment)
{
    build_zeros(b, (alignment - b->n % alignment) % alignment);
}

#endif
