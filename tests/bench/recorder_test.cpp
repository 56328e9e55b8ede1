#include <results/recorder.hpp>

#include <gtest/gtest.h>

namespace coserve_bench {
namespace {

using coserve::duration;
using namespace std::chrono_literals;

class recorder_test : public testing::Test {
protected:
    recorder_test() { times_.begin = clock::now(); }

    clock::time_point at(duration d) const { return times_.begin + d; }

    static void answer(recorder& r, clock::time_point sent, duration took, duration late = {}) {
        r.sent();
        r.served(sent + took);
        r.completed(sent - late, sent, sent + took, 64);
    }

    schedule times_;
};

TEST_F(recorder_test, counts_each_second_for_itself) {
    recorder r(times_);
    for (int i = 0; i < 10; ++i)
        answer(r, at(i * 100ms), 1ms);
    answer(r, at(3s), 5ms);
    const tally all = r.finish();
    EXPECT_EQ(all.sent, 11U);
    EXPECT_EQ(all.completed, 11U);
    EXPECT_EQ(all.served, 11U);
    EXPECT_EQ(all.bytes, 11U * 64);
    ASSERT_EQ(all.series.size(), 4U);
    EXPECT_EQ(all.series[0].replies, 10U);
    EXPECT_EQ(all.series[0].service.count(), 10U);
    EXPECT_EQ(all.series[1].replies, 0U);
    EXPECT_EQ(all.series[2].replies, 0U);
    EXPECT_EQ(all.series[3].replies, 1U);
    EXPECT_EQ(all.service.most(), duration(5ms));
}

TEST_F(recorder_test, counts_from_the_time_of_a_request_in_an_open_loop) {
    recorder r(times_, recorder::loop::open);
    answer(r, at(10ms), 1ms, 200ms);
    const tally all = r.finish();
    EXPECT_EQ(all.service.most(), duration(1ms));
    EXPECT_EQ(all.intended.most(), duration(201ms));
    EXPECT_EQ(all.series.at(0).intended.count(), 1U);
}

TEST_F(recorder_test, has_no_intended_time_in_a_closed_loop) {
    recorder r(times_);
    answer(r, at(10ms), 1ms, 200ms);
    EXPECT_EQ(r.finish().intended.count(), 0U);
}

TEST_F(recorder_test, tells_what_came_in_time) {
    times_.end = at(1s);
    recorder r(times_);
    answer(r, at(0s), 500ms);
    answer(r, at(0s), 1500ms);
    const tally all = r.finish();
    EXPECT_EQ(all.served, 2U);
    EXPECT_EQ(all.in_time, 1U);
}

TEST_F(recorder_test, names_errors) {
    recorder r(times_);
    r.failed(error_kind::reset, 3);
    r.connection_failed(error_kind::reset, "the first");
    r.error(error_kind::wrong_reply, "the second");
    const tally all = r.finish();
    EXPECT_EQ(all.failed, 3U);
    EXPECT_EQ(all.failed_by, (counts_by_kind{{"reset", 3}}));
    EXPECT_EQ(all.errors, (counts_by_kind{{"reset", 1}, {"wrong_reply", 1}}));
    EXPECT_EQ(all.failed_connections, 1U);
    EXPECT_EQ(all.first_error, "the first");
    EXPECT_EQ(all.series.at(0).failed, 3U);
}

TEST_F(recorder_test, keeps_samples_where_they_are_asked_for) {
    recorder with(times_, recorder::loop::open, true), without(times_);
    for (recorder* r : {&with, &without})
        answer(*r, at(1ms), 2ms, 1ms);
    EXPECT_TRUE(without.samples().empty());
    ASSERT_EQ(with.samples().size(), 1U);
    EXPECT_EQ(with.samples()[0].intended, duration(3ms));
    EXPECT_EQ(with.samples()[0].service, duration(2ms));
}

TEST_F(recorder_test, takes_several_replies_as_one_after_the_other) {
    recorder one(times_, recorder::loop::open, true), several(times_, recorder::loop::open, true);
    for (int i = 0; i < 3; ++i)
        answer(one, at(1ms), 2ms, 1ms);
    several.sent(3);
    several.served(at(3ms), 3);
    several.completed(at(0ms), at(1ms), at(3ms), 64, 3);
    EXPECT_EQ(several.samples().size(), one.samples().size());
    const tally expected = one.finish(), all = several.finish();
    EXPECT_EQ(all.sent, expected.sent);
    EXPECT_EQ(all.bytes, expected.bytes);
    EXPECT_EQ(all.in_time, expected.in_time);
    EXPECT_EQ(all.series, expected.series);
    EXPECT_EQ(all.service, expected.service);
    EXPECT_EQ(all.intended, expected.intended);
}

TEST_F(recorder_test, halves_make_the_whole) {
    recorder one(times_, recorder::loop::open), other(times_, recorder::loop::open),
        both(times_, recorder::loop::open);
    for (int i = 0; i < 3000; ++i) {
        answer(i % 3 == 0 ? one : other, at(i * 1ms), i * 1us, i * 2us);
        answer(both, at(i * 1ms), i * 1us, i * 2us);
    }
    tally sum = one.finish();
    sum += other.finish();
    const tally whole = both.finish();
    EXPECT_EQ(sum.series, whole.series);
    EXPECT_EQ(sum.service, whole.service);
    EXPECT_EQ(sum.intended, whole.intended);
    EXPECT_EQ(sum.served, whole.served);
}

}  // namespace
}  // namespace coserve_bench
