/* html_page.h - the page of reports, with an element for the data; made from src/report/html/ by its embed.py. */
#ifndef PLMR_HTML_PAGE_H
#define PLMR_HTML_PAGE_H

extern const char plmr_html_page[];

#endif
