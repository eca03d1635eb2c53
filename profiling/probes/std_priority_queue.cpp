// The peer of the heap: std::priority_queue of the same record, in the same two workloads, compiled by heap.py.

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace {

constexpr std::int64_t BUDGETS_NS[3] = {10'000'000, 50'000'000, 200'000'000};
constexpr std::int64_t JITTER_NS = 1'000'000;
constexpr std::int64_t PACE_NS = 1'000;

struct record {
    std::int64_t key;
    std::uint64_t sequence;
    std::uint32_t slot;
    bool operator>(const record& other) const {
        return key != other.key ? key > other.key : sequence > other.sequence;
    }
};

struct rig {
    std::priority_queue<record, std::vector<record>, std::greater<record>> waiting;
    std::uint64_t chance;
    std::uint64_t sequence = 0;
    std::int64_t clock_ns = 0;
    bool ascending;

    std::uint64_t drawn() {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        return chance;
    }

    std::int64_t key_after(std::int64_t popped) {
        const std::uint64_t seen = drawn();
        const std::int64_t budget = BUDGETS_NS[seen % 3];
        if (ascending) return (clock_ns += PACE_NS) + budget;
        return popped + budget + static_cast<std::int64_t>((seen >> 32) % JITTER_NS);
    }

    void push(std::int64_t popped, std::uint32_t slot) {
        waiting.push(record{key_after(popped), sequence++, slot});
    }
};

}  // namespace

extern "C" {

rig* rig_open(std::uint32_t depth, std::uint64_t seed, int ascending) {
    rig* made = new rig{};
    made->chance = seed;
    made->ascending = ascending != 0;
    for (std::uint32_t slot = 0; slot < depth; slot++) made->push(0, slot);
    return made;
}

std::uint64_t rig_run(rig* self, std::uint32_t pairs) {
    std::uint64_t keys = 0;
    for (std::uint32_t pair = 0; pair < pairs; pair++) {
        const record head = self->waiting.top();
        self->waiting.pop();
        keys += static_cast<std::uint64_t>(head.key);
        self->push(head.key, head.slot);
    }
    return keys;
}

void rig_close(rig* self) { delete self; }
}
