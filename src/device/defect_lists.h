/* defect_lists.h - cores and links that a device's file names. */
#pragma once

#include "plmr/device.h"

/* The first entry of a list about core (row, col); NULL: there is none. Local. */
const plmr_defect *plmr_device_defect(const plmr_defect_list *list, int row, int col);
