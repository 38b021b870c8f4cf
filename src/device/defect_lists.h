/* defect_lists.h - cores and links that a device's file names. */
#pragma once

#include "plmr/device.h"

/* The first entry of a list about core (row, col); NULL: there is none. Local. */
const plmr_defect *plmr_device_defect(const plmr_defect_list *list, int row, int col);

/* Whether the device has all cores that its lists name: its size may be another than that which they were read for. Local. */
plmr_status plmr_device_check_defects(const plmr_device *device);
