#include "chat_worker.hpp"
#include "connect_job.hpp"
#include "datagram_worker.hpp"
#include "exec_job.hpp"
#include "idle_worker.hpp"
#include "job_worker.hpp"
#include "load_worker.hpp"
#include "stream_worker.hpp"
#include "upload_job.hpp"

namespace coserve_bench {

namespace {

template <class Worker>
worker_factory plain(const plan& p, const schedule& s) {
    return [&](std::size_t index) { return std::make_unique<Worker>(p, s, index); };
}

worker_factory of_jobs(const plan& p, const schedule& s, job_worker::job_factory make) {
    return [&p, &s, make = std::move(make)](std::size_t index) {
        return std::make_unique<job_worker>(p, s, index, make);
    };
}

worker_factory of_streams(const plan& p, const schedule& s) {
    const auto target = std::make_shared<const stream_target>(p);
    return [&p, &s, target](std::size_t index) {
        return std::make_unique<stream_worker>(p, s, index, target);
    };
}

worker_factory of_connections(const plan& p, const schedule& s) {
    const auto target = std::make_shared<const stream_target>(p);
    return of_jobs(p, s, [&p, target](coserve::executor core, std::size_t number) {
        return std::make_unique<connect_job>(p, core, number, target);
    });
}

worker_factory of_commands(const plan& p, const schedule& s) {
    return of_jobs(p, s, [&p](coserve::executor, std::size_t) {
        return std::make_unique<exec_job>(p);
    });
}

worker_factory of_uploads(const plan& p, const schedule& s) {
    const auto content = std::make_shared<const upload_content>(p.sizes.most());
    return of_jobs(p, s, [&p, content](coserve::executor, std::size_t number) {
        return std::make_unique<upload_job>(p, number, content);
    });
}

worker_factory of_members(const plan& p, const schedule& s) {
    const auto company = std::make_shared<chat_company>(p);
    return [&p, &s, company](std::size_t index) {
        return std::make_unique<chat_worker>(p, s, index, company);
    };
}

}  // namespace

worker_factory workers_of(const plan& p, const schedule& s) {
    switch (p.load) {
    case load_kind::echo:
        return p.datagrams ? plain<datagram_worker>(p, s) : of_streams(p, s);
    case load_kind::connect:
        return of_connections(p, s);
    case load_kind::idle:
        return plain<idle_worker>(p, s);
    case load_kind::exec:
        return of_commands(p, s);
    case load_kind::upload:
        return of_uploads(p, s);
    case load_kind::chat:
        return of_members(p, s);
    }
    return {};
}

}  // namespace coserve_bench
