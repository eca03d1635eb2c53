// How much time do 16 bytes an entry save in the order of the heap, beside the plain 24?
//
//     g++ -O2 -std=c++17 -o entry_size profiling/probes/entry_size.cpp && ./entry_size
//
// Both columns are the same 4-ary heap of entries, ordered by key, then by sequence. The small entry packs the sequence
// and the slot into 64 bits, as lifeevt/_backends/nogil/order.pxd does, and pays with new numbers once in 2**43 offers.
// The plain one has room for both. A pair takes the first entry and adds one 10 ms to 200 ms later. Five rounds in
// turns; the medians count.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

struct Small {
    uint64_t tag;  // the sequence above 21 bits of the slot
    int64_t key;
    static Small make(int64_t key, uint64_t sequence, uint32_t slot) { return {sequence << 21 | slot, key}; }
    uint32_t slot() const { return tag & ((1u << 21) - 1); }
    unsigned __int128 low() const { return tag; }
};

struct Plain {
    uint64_t sequence;
    int64_t key;
    uint32_t place;
    static Plain make(int64_t key, uint64_t sequence, uint32_t slot) { return {sequence, key, slot}; }
    uint32_t slot() const { return place; }
    unsigned __int128 low() const { return sequence; }
};

template <class Entry> bool before(const Entry& left, const Entry& right) {
    return (__int128) ((unsigned __int128) (uint64_t) left.key << 64 | left.low())
        < (__int128) ((unsigned __int128) (uint64_t) right.key << 64 | right.low());
}

// The children of entry i are 4 i + 1 to 4 i + 4; the array begins so that they are as near to a cache line as they get.
template <class Entry> struct Heap {
    std::vector<Entry> memory;
    Entry* entries;
    size_t length = 0;

    explicit Heap(size_t capacity) : memory(capacity + 64) {
        uintptr_t start = (uintptr_t) memory.data();
        entries = (Entry*) ((start + 63) / 64 * 64 + 64 - sizeof(Entry));
    }

    void push(Entry entry) {
        size_t place = length++;
        while (place > 0 && before(entry, entries[(place - 1) / 4])) {
            entries[place] = entries[(place - 1) / 4];
            place = (place - 1) / 4;
        }
        entries[place] = entry;
    }

    Entry pop() {
        Entry first = entries[0], last = entries[--length];
        size_t place = 0, child;
        while ((child = 4 * place + 1) < length) {
            size_t least = child, end = std::min(child + 4, length);
            for (size_t other = child + 1; other < end; other++) least = before(entries[other], entries[least]) ? other : least;
            if (!before(entries[least], last)) break;
            entries[place] = entries[least];
            place = least;
        }
        entries[place] = last;
        return first;
    }
};

template <class Entry> double ns_per_pair(size_t depth, size_t pairs) {
    std::mt19937_64 random(7);
    Heap<Entry> heap(depth + 1);
    uint64_t sequence = 0;
    auto later = [&random] { return (int64_t) (random() % 190'000'000) + 10'000'000; };
    for (size_t each = 0; each < depth; each++) heap.push(Entry::make(later(), sequence++, each));
    for (size_t each = 0; each < depth; each++) {
        Entry first = heap.pop();
        heap.push(Entry::make(first.key + later(), sequence++, first.slot()));
    }
    auto start = std::chrono::steady_clock::now();
    for (size_t each = 0; each < pairs; each++) {
        Entry first = heap.pop();
        heap.push(Entry::make(first.key + later(), sequence++, first.slot()));
    }
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / pairs;
}

int main() {
    printf("g++ %s, %zu and %zu bytes\n%8s %10s %10s %7s\n", __VERSION__, sizeof(Small), sizeof(Plain), "depth", "small ns", "plain ns", "ratio");
    for (size_t depth : {100ul, 10'000ul, 1'000'000ul}) {
        std::vector<double> small, plain;
        for (int round = 0; round < 5; round++) {
            small.push_back(ns_per_pair<Small>(depth, 1'000'000));
            plain.push_back(ns_per_pair<Plain>(depth, 1'000'000));
        }
        std::nth_element(small.begin(), small.begin() + 2, small.end());
        std::nth_element(plain.begin(), plain.begin() + 2, plain.end());
        printf("%8zu %10.1f %10.1f %7.2f\n", depth, small[2], plain[2], plain[2] / small[2]);
    }
}
