#include "run_load.hpp"

#include "crew.hpp"
#include "interruption.hpp"
#include "process_use.hpp"
#include "results/plan_json.hpp"
#include "server_watch.hpp"
#include "tool_limits.hpp"

#include <algorithm>
#include <chrono>

namespace coserve_bench {

using namespace std::chrono_literals;

namespace {

constexpr auto looking_interval = 200ms;

/// Looks after a crew while it works: tells how far it is, and what the server uses.
class overseer {
public:
    overseer(const plan& p, crew& c, const std::function<void(const progress&)>& told)
        : plan_(p), crew_(c), told_(told) {}

    /// Until `t`, or all has ended, which gives true.
    bool wait(clock::time_point t, server_watch* server) {
        for (;;) {
            if (crew_.wait_until(std::min(t, clock::now() + looking_interval)))
                return true;
            const clock::time_point now = clock::now();
            if (now >= t)
                return false;
            if (interruption_.take())
                crew_.stop();
            if (server)
                server->look(now);
            tell(now, server == nullptr);
        }
    }

private:
    void tell(clock::time_point now, bool warming_up) {
        const std::uint64_t completed = crew_.completed();
        const double seconds = std::chrono::duration<double>(now - last_).count();
        const double rate = static_cast<double>(completed - last_completed_) / seconds;
        const double part =
            plan_.requests ? static_cast<double>(completed) / static_cast<double>(*plan_.requests)
                           : std::chrono::duration<double>(now - start_) /
                                 (plan_.ramp + plan_.warmup + plan_.time);
        last_ = now;
        last_completed_ = completed;
        told_({std::min(part, 1.0), rate, warming_up});
    }

    const plan& plan_;
    crew& crew_;
    const std::function<void(const progress&)>& told_;
    const interruption interruption_;
    const clock::time_point start_ = clock::now();
    clock::time_point last_ = start_;
    std::uint64_t last_completed_ = 0;
};

coserve::duration counted_time(const plan& p, const crew& c) {
    const schedule& times = c.times();
    if (p.load == load_kind::idle)
        return times.end.load() - times.begin;
    const clock::time_point last = std::min(c.last_reply(), times.end.load());
    const coserve::duration elapsed = std::max<coserve::duration>(last - times.begin, {});
    return p.requests ? elapsed : std::min(elapsed, p.time);
}

void count_idle(run_result& r, const server_watch& server) {
    std::uint64_t ended = 0;
    for (const auto& [kind, count] : r.counts.errors)
        ended += kind == name_of(error_kind::closed) ? count : 0;
    r.idle = {r.counts.connected - ended, 0, 0};
    if (server.memory_before() && !r.server.empty()) {
        r.idle->before = *server.memory_before();
        r.idle->after = r.server.back().memory;
    }
}

}  // namespace

run_result run_load(const plan& p, const std::function<void(const progress&)>& told) {
    run_result r;
    server_watch server(p.pid);
    server.before();
    crew all(p);
    all.connect();
    overseer looking(p, all, told);
    all.go();
    bool ended = looking.wait(all.times().begin, nullptr);
    const auto own_before = own_cpu_time();
    server.begin(clock::now());
    all.begin();
    while (!ended)
        ended = looking.wait(clock::time_point::max(), &server);

    server.end(clock::now(), r);
    r.own_cpu = own_cpu_time() - own_before;
    r.plan = described(p);
    r.counts = all.finish();
    r.samples = all.samples();
    r.elapsed = counted_time(p, all);
    const busiest_thread busiest = all.busiest();
    r.busiest_thread = busiest.ran;
    r.limits = tool_limits(busiest, r.counts.slip);
    if (p.load == load_kind::idle)
        count_idle(r, server);
    if (p.load == load_kind::chat)  // who spoke and who heard may have had different threads
        r.counts.lost = r.counts.sent - std::min(r.counts.sent, r.counts.completed);
    return r;
}

}  // namespace coserve_bench
