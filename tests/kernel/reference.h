/* reference.h - numbers for the tests of the kernels, by way of double arithmetic: nothing here is written as the
 * kernels are. */
#ifndef PLMR_TESTS_KERNEL_REFERENCE_H
#define PLMR_TESTS_KERNEL_REFERENCE_H

#include "kernel/isa.h"
#include "plmr/types.h"

/* The last is AVX-512 in C: see avx512_in_c.h. */
enum { N_ISAS = 4 };

/* The i-th instruction set there is, or NULL if this machine lacks it. */
const plmr_isa *isa_number(int i);

uint32_t hash(uint32_t a, uint32_t b, uint32_t c, uint32_t d);

/* The next of a fixed sequence of numbers, 0 <= number < n. */
int random_below(int n);

/* What 16 bits stand for; NaN for NaN. */
double value_of_f16(unsigned half);
double value_of_bf16(unsigned brain);

/* The nearest value that the type can hold, ties to even. */
double nearest_f16(double value);
double nearest_bf16(double value);

/* The bits of an element as it is stored, made from a hash: of different magnitudes, so that every other order of
 * additions shows, and some are zero. `wild` ones are of any magnitude: their sums overflow and get lost. */
uint32_t element_bits(enum plmr_dtype dtype, bool wild, uint32_t h);
float element_value(enum plmr_dtype dtype, uint32_t bits);
void put_element(enum plmr_dtype dtype, void *array, size_t at, uint32_t bits);

/* One step of a chain as the cores do it. */
float multiply_add(enum plmr_dtype accumulate, float a, float b, float c);

/* Are they the same bit for bit, or both NaN? */
bool same_bits(float a, float b);

void *must_allocate(size_t n_bytes);

#endif
