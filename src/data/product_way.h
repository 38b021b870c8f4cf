/* product_way.h - the inside of products: the ways to do their deferred steps. */
#pragma once

#include "data/product.h"

/* Lines come by windows of turns; one operand comes by blocks, blocks.c; partial sums converge on cores, converge.c. */
extern const plmr_product_way plmr_product_by_lines, plmr_product_by_blocks, plmr_product_by_chains;

/* Makes what the second keeps, with the product. */
plmr_status plmr_product_make_blocks(plmr_product *product);

/* The deferred steps as the kernel takes them, but for progress and the end of the batch. */
plmr_gemm_block plmr_product_block(const plmr_product *product);

/* Tells how far the deferred steps have come. */
void plmr_product_progress(const plmr_product *product, double share);
