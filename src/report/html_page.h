/* html_page.h - the page of reports, with an element for the data; made from src/report/html/ by its embed.py. */
#pragma once

extern const char plmr_html_page[];
