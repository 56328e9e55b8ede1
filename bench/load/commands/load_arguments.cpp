#include "commands/load_arguments.hpp"

#include "commands/wire_url.hpp"
#include "loads/chat_worker.hpp"
#include "loads/exec_job.hpp"
#include "loads/payload.hpp"
#include "loads/stream_target.hpp"
#include "loads/upload_job.hpp"

#include <coserve/codec.hpp>
#include <coserve/datagram.hpp>
#include <coserve/error.hpp>
#include <coserve/framing.hpp>
#include <coserve/url.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace coserve_bench {

using coserve::configuration_error;
using scheme = coserve::endpoint_url::scheme;

namespace {

[[noreturn]] void
refuse(const std::string& flag, const std::string& value, const std::string& why) {
    throw configuration_error(flag + " " + value + ": must be " + why);
}

enum class zero : bool { refused, allowed };

coserve::duration
read_time(const char* flag, const std::string& text, const char* usual, zero z = zero::refused) {
    const std::string& written = text.empty() ? std::string(usual) : text;
    const auto time = coserve::parse_time(written);
    if (!time || *time > coserve::longest_time || (z == zero::refused && time->count() == 0))
        refuse(
            flag,
            written,
            z == zero::allowed ? "a time, such as 500ms or 10s, or 0"
                               : "a time, such as 500ms or 10s"
        );
    return *time;
}

verification read_level(const std::string& text) {
    for (const verification v : {verification::off, verification::length, verification::full})
        if (name_of(v) == text)
            return v;
    refuse("--verify", text, "off, length or full");
}

const std::string* find(const coserve::endpoint_url& url, std::string_view key) {
    const auto found = std::ranges::find(url.query, key, &coserve::option::key);
    return found == url.query.end() ? nullptr : &found->value;
}

void read_times(plan& p, const load_arguments& a) {
    const bool loses = p.datagrams && a.load == load_kind::echo;
    const bool slow = a.load == load_kind::exec || a.load == load_kind::upload;
    p.timeout = read_time("--timeout", a.timeout, slow ? "60s" : loses ? "1s" : "10s");
    p.ramp = read_time("--ramp", a.ramp, "0", zero::allowed);
    const bool tries = a.load == load_kind::connect;
    p.reconnect = read_time("--reconnect", a.reconnect, tries ? "1s" : "0", zero::allowed);
    if (a.requests != 0) {
        if (!a.time.empty())
            throw configuration_error(
                "--requests and --duration: only one of them says when to stop"
            );
        p.requests = a.requests;
    } else {
        p.time = read_time("--duration", a.time, "10s");
    }
    const bool warms = !p.requests && a.load != load_kind::idle;
    p.warmup = read_time("--warmup", a.warmup, warms ? "1s" : "0", zero::allowed);
    if (p.ramp.count() != 0 && a.connect_rate != 0)
        throw configuration_error("--ramp and --connect-rate: only one of them says when to connect"
        );
}

/// A size that the flag or the framing says.
size_distribution read_sizes(const load_arguments& a, const coserve::endpoint_url& url) {
    std::string text = a.size;
    if (text.empty() && coserve::framing_names::in(url.query).write == "fixed")
        if (const std::string* size = find(url, "size"))
            text = *size;
    if (text.empty())
        text = a.load == load_kind::upload ? "1MiB" : "64";
    try {
        return size_distribution::parse(text);
    } catch (const configuration_error& e) {
        throw configuration_error(std::string("--size ") + e.what());
    }
}

/// Before anything is sent: what the framing cannot carry would fail with each request.
void check_encodable(const plan& p) {
    const coserve::framing framing = framing_of(p.url);
    payload bytes(p.sizes.most(), p.verify);
    for (const std::size_t size : {p.sizes.least(), p.sizes.most()}) {
        coserve::envelope parts;
        if (const auto error = framing.write()->encode({}, bytes.request(size, 0, 0), parts))
            refuse("--size", p.sizes.text(), "what the framing can carry: " + error.message());
    }
}

void check_frames(plan& p, const load_arguments& a, const coserve::endpoint_url& url) {
    const auto framings = coserve::framing_names::in(url.query);
    const bool writes_raw = framings.write == "raw";
    p.raw = framings.read == "raw";
    check_encodable(p);
    if ((p.raw || writes_raw) && p.sizes.least() == 0)
        refuse("--size", a.size, "at least 1: without framing nothing would be sent");
    if (writes_raw && !p.raw && p.depth > 1)
        refuse(
            "--depth",
            std::to_string(p.depth),
            "1: without framing requests that are sent together are one"
        );
}

void check_datagrams(const plan& p, const load_arguments& a) {
    if (p.sizes.most() > coserve::longest_datagram)
        refuse("--size", a.size, "at most 65507, which is what a datagram holds");
}

void read_exec(plan& p, const load_arguments& a) {
    wire_url parts = take_wire(a.url, a.wire, "native");
    p.wire = parts.wire;
    p.url = with_framing(
        parts.url, exec_wire_of(p.wire) == coserve::exec_wire::native ? "json-header" : "raw"
    );
    p.command = a.command;
    p.shell = a.shell;
    if (p.command.empty())
        throw configuration_error("exec: no command: write it behind --");
    if (p.shell && p.command.size() != 1)
        refuse("--shell", "", "followed by one text behind --");
}

void read_upload(plan& p, const load_arguments& a) {
    wire_url parts = take_wire(a.url, a.wire, "json-header");
    p.wire = parts.wire;
    p.url = with_framing(
        parts.url, upload_wire_of(p.wire) == upload_wire::marker ? "raw" : "length-prefix"
    );
}

void read_chat(plan& p, const load_arguments& a) {
    p.rooms = a.rooms;
    if (p.rate == 0)
        p.rate = static_cast<double>(p.connections);
    if (p.connections < 2 * p.rooms)
        refuse(
            "--rooms",
            std::to_string(p.rooms),
            "at most one for two members: who is alone is heard by nobody"
        );
    if (p.sizes.least() < chat_company::head)
        refuse(
            "--size",
            a.size,
            "at least " + std::to_string(chat_company::head) + ": a message bears its time"
        );
}

void check_scheme(const load_arguments& a, const coserve::endpoint_url& url) {
    const bool datagrams = url.kind == scheme::udp;
    const std::string name(name_of(a.load));
    if (a.load == load_kind::chat && !datagrams)
        throw configuration_error(name + ": " + a.url + ": chat is spoken over udp://");
    if (a.load != load_kind::chat && a.load != load_kind::echo && datagrams)
        throw configuration_error(name + ": " + a.url + ": must be tcp:// or unix:");
}

void check_load(plan& p, const load_arguments& a, const coserve::endpoint_url& url) {
    switch (p.load) {
    case load_kind::echo:
        return p.datagrams ? check_datagrams(p, a) : check_frames(p, a, url);
    case load_kind::connect:
        p.echoes = a.echoes;
        p.resets = a.resets;
        return check_frames(p, a, url);
    case load_kind::idle:
        return;
    case load_kind::exec:
        return read_exec(p, a);
    case load_kind::upload:
        return read_upload(p, a);
    case load_kind::chat:
        return read_chat(p, a);
    }
}

}  // namespace

std::size_t usual_connections(load_kind kind) noexcept {
    switch (kind) {
    case load_kind::echo:
    case load_kind::connect:
        break;
    case load_kind::idle:
        return 1000;
    case load_kind::exec:
    case load_kind::upload:
        return 8;
    case load_kind::chat:
        return 16;
    }
    return 64;
}

plan plan_of(const load_arguments& a) {
    const coserve::endpoint_url url = coserve::parse_url(a.url);
    check_scheme(a, url);
    plan p;
    p.load = a.load;
    p.url = a.url;
    p.name = url.to_string();
    p.datagrams = url.kind == scheme::udp;
    p.connections = a.connections != 0 ? a.connections : usual_connections(a.load);
    p.depth = a.depth;
    p.threads = a.threads;
    p.rate = a.rate;
    p.connect_rate = a.connect_rate;
    p.seed = a.seed;
    p.sizes = read_sizes(a, url);
    p.verify = read_level(a.verify);
    if (p.threads > p.connections)
        refuse("--threads", std::to_string(p.threads), "at most one for each connection");
    if (a.pid != 0)
        p.pid = a.pid;
    read_times(p, a);
    check_load(p, a, url);
    return p;
}

}  // namespace coserve_bench
