/* page.h - the page that shows the wafer live, from /events. */
#pragma once

extern const char plmr_serve_page[];
