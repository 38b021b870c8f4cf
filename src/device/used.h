/* used.h - parts of the model of time, by the numbers of the device that they read: what a program notes that it has used.
 * standing.c has the numbers. */
#pragma once

enum plmr_used {
    PLMR_PART_LINKS = 1 << 0,      /* words on their way along a line */
    PLMR_PART_BORDERS = 1 << 1,    /* over borders */
    PLMR_PART_STAGE = 1 << 2,      /* software that passes words on as they come */
    PLMR_PART_RELAY = 1 << 3,      /* software that stores and forwards */
    PLMR_PART_EXCHANGE = 1 << 4,   /* what a core does for a tile that it sends */
    PLMR_PART_COLLECTIVE = 1 << 5, /* for a phase of a reduction */
    PLMR_PART_POINTS = 1 << 6,     /* messages from any core to any core */
    PLMR_PART_TILES = 1 << 7,      /* products of tiles */
    PLMR_PART_ELEMENTS = 1 << 8,   /* vector and scalar functions */
    PLMR_PART_SCALARS = 1 << 9,    /* what decode's layers do beside that */
    PLMR_PART_OUTSIDE = 1 << 10,   /* what comes in from DRAM or a host */
    PLMR_PART_WAFERS = 1 << 11,    /* what goes from one device to another */
};
