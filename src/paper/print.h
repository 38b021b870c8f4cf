/* print.h - a paper's cells as tables. All functions are local: call them on rank 0. */
#pragma once

#include "paper/paper.h"

/* A number with so many decimals; "" if it is not finite. */
void plmr_paper_number(double value, int decimals, char *text, size_t size);

/* The cells of a part, as text and in Markdown with its notes. */
void plmr_paper_print_part(FILE *out, const plmr_paper *paper, const plmr_paper_part *part);
void plmr_paper_markdown_part(FILE *out, const plmr_paper *paper, const plmr_paper_part *part);

/* Mean, RMS and worst error by part, system and role, then by system and role over all parts. */
void plmr_paper_put_summary(FILE *out, const plmr_paper *paper, bool markdown);
