/* A mesh whose routers know where packets go: along x, then along y. Moved word by word and cycle by cycle; it knows no
 * formula, and shares nothing with the library under test.
 *
 *  - Ramp down: a core sends its packets one after the other in their order, each from its own start on, a word a cycle.
 *    A word that is put on the ramp in cycle t is at the router at t + ramp.
 *  - Link: carries a word a cycle; one that leaves a router in cycle t is at the next at t + hop, and `turn` later where
 *    the packet turns there. The ramp up is such a link, of `ramp` cycles.
 *  - Border: lies before every pitch_x-th column and pitch_y-th row, 0: nowhere. A link over one takes border_hop cycles, and
 *    carries a word every border_x or border_y cycles.
 *  - An output that has begun a packet sends nothing else until it has sent all of it. What wants it waits: first comes
 *    first, by first words; of those that come in one cycle first the one that came over the link straight behind (not
 *    to the ramp up), then the one of the lower sender, then its earlier one. There is room for all that wait.
 */
#ifndef ROUTER_MESH_H
#define ROUTER_MESH_H

struct mesh_packet {
    int x, y, to_x, to_y, words;
    long start;
    long sent, received; /* results: the cycles after that of its last word down the ramp, and up */
};

struct mesh_machine {
    int rows, cols, ramp, hop, turn;
    int pitch_x, pitch_y, border_hop, border_x, border_y;
};

/* Packets are sorted by sender, row by row, and by start. */
void mesh_run(const struct mesh_machine *machine, struct mesh_packet *packets, int n);

#endif
