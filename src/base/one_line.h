/* one_line.h - texts that may hold anything, as those of users and files do, in a line of UTF-8. Local. */
#pragma once

/* Bytes of the character at the start of a text; 0: it is none of UTF-8. */
int plmr_character(const char *text);

/* Control characters, and what is no UTF-8, become '?'. */
void plmr_make_line(char *text);
