#include "plan_json.hpp"

#include "text.hpp"

#include <boost/json/value_from.hpp>

#include <utility>

namespace coserve_bench {

namespace json = boost::json;

namespace {

/// A number where it is one.
json::value sizes(const size_distribution& d) {
    if (d.fixed())
        return d.least();
    return json::value(d.text());
}

void add_end(json::object& o, const plan& p) {
    if (p.requests)
        o["requests"] = *p.requests;
    else
        o["duration_s"] = seconds(p.time);
}

/// What only some loads have.
void add_special(json::object& o, const plan& p) {
    if (!p.wire.empty())
        o["wire"] = p.wire;
    if (!p.command.empty())
        o["command"] = json::value_from(p.command);
    if (p.load == load_kind::chat)
        o["rooms"] = p.rooms;
    if (p.echoes)
        o["echo"] = true;
    if (p.resets)
        o["reset"] = true;
}

}  // namespace

json::object described(const plan& p) {
    json::object o{
        {"load", name_of(p.load)},
        {"url", p.url},
        {"connections", p.connections},
        {"depth", p.depth},
        {"size", sizes(p.sizes)},
        {"threads", p.threads},
    };
    if (p.rate != 0)
        o["rate"] = p.rate;
    add_end(o, p);
    o["warmup_s"] = seconds(p.warmup);
    o["timeout_s"] = seconds(p.timeout);
    o["verify"] = name_of(p.verify);
    for (const auto& [name, value] :
         {std::pair("ramp_s", seconds(p.ramp)),
          std::pair("connect_rate", p.connect_rate),
          std::pair("reconnect_s", seconds(p.reconnect))})
        if (value != 0)
            o[name] = value;
    add_special(o, p);
    return o;
}

}  // namespace coserve_bench
