#include "chat_simulation.hpp"

#include "protocol/chat_member.hpp"
#include "src/chat_state.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// ---- chance

/// The same everywhere, which the standard's distributions are not.
class dice {
public:
    explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t operator()() noexcept {
        std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15U;
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9U;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebU;
        return z ^ (z >> 31);
    }

    std::uint64_t below(std::uint64_t n) noexcept { return operator()() % n; }

    bool percent(std::uint64_t p) noexcept { return below(100) < p; }

    nanoseconds up_to(nanoseconds t) noexcept {
        return nanoseconds(below(static_cast<std::uint64_t>(t.count()) + 1));
    }

private:
    std::uint64_t state_;
};

// ---- time

class timeline {
public:
    chat_time now() const noexcept { return now_; }

    void at(chat_time t, std::function<void()> what) {
        events_.push_back({std::max(t, now_), ++order_, std::move(what)});
        std::ranges::push_heap(events_, later);
    }

    void after(nanoseconds t, std::function<void()> what) { at(now_ + t, std::move(what)); }

    void run_until(chat_time end) {
        while (!events_.empty() && events_.front().when <= end) {
            std::ranges::pop_heap(events_, later);
            const event e = std::move(events_.back());
            events_.pop_back();
            now_ = e.when;
            e.what();
        }
        now_ = end;
    }

private:
    struct event {
        chat_time when;
        std::uint64_t order;
        std::function<void()> what;
    };

    static bool later(const event& a, const event& b) noexcept {
        return std::pair(a.when, a.order) > std::pair(b.when, b.order);
    }

    chat_time now_{seconds(1'000)};
    std::uint64_t order_ = 0;
    std::vector<event> events_;  // a heap, the next one in front
};

// ---- what the seed decides

struct plan {
    chat_rules rules;
    std::size_t cores;
    std::size_t people, plain_people, rooms;
    std::uint64_t loss, duplication;  // percent
    nanoseconds delay;                // at most
    nanoseconds trouble;              // how long the network is bad
    bool tight;                       // not everybody finds room
    bool restarts;                    // the server, meanwhile

    explicit plan(dice& d) {
        cores = 1 + d.below(4);
        people = 2 + d.below(9);
        plain_people = d.below(4);
        rooms = 1 + d.below(4);
        loss = d.below(51);
        duplication = d.below(31);
        delay = milliseconds(1) + d.up_to(d.percent(50) ? milliseconds(50) : milliseconds(2000));
        trouble = seconds(20) + d.up_to(seconds(40));
        tight = d.percent(15);
        restarts = d.percent(20);
        rules.echo = d.percent(80);
        if (tight) {
            rules.max_members = 2 + d.below(5);
            rules.max_rooms = 1 + d.below(2);
            rules.max_room_members = 2 + d.below(3);
        }
    }
};

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

class world;

/// One core of the server.
class core final : public chat_state::output, public room_bus {
public:
    core(world& w, std::size_t number) : world_(w), number_(number) {}

    void send(const chat_path& to, frame_view f) override;

    void send(std::span<const endpoint> to, const endpoint& local, frame_view f) override {
        for (const endpoint& e : to)
            send(chat_path{e, local}, f);
    }

    void publish(std::shared_ptr<const chat_post>) override;

    std::unique_ptr<chat_state> state;

private:
    world& world_;
    std::size_t number_;
};

/// What a message says, so that each receiver can tell whether it is for it: `ROOM|NAME|NUMBER|`.
struct saying {
    std::string room, name;

    explicit saying(std::string_view text) {
        const std::size_t first = text.find('|');
        const std::size_t second = text.find('|', first + 1);
        if (second == text.npos)
            return;
        room = text.substr(0, first);
        name = text.substr(first + 1, second - first - 1);
    }
};

/// Somebody with our client.
class person final : public chat_member::output {
public:
    person(world& w, std::string n) : world_(w), name_(std::move(n)) {}

    void send(frame_view f) override;
    void happened(const chat_event&) override;

    void start();
    void vanish();
    void act();
    void receive(std::span<const std::byte>);
    std::string say(std::size_t filler);

    void leave();
    void move();

    bool runs() const noexcept { return client_ != nullptr; }

    const chat_member& client() const noexcept { return *client_; }

    const endpoint& address() const noexcept { return address_; }

    const std::string& wanted() const noexcept { return wanted_; }

    bool refused() const noexcept { return refused_; }

    const std::string& name() const noexcept { return name_; }

    /// How often it heard this.
    std::size_t heard(const std::string& text) const { return heard_.count(text); }

private:
    void on(const chat_joined&);
    void on(const chat_join_refused&);
    void on(const chat_heard&);
    void on(const chat_noticed&);
    void on(const chat_roster&);
    void on(const chat_lost_contact&);
    void on(const chat_over_rate&) {}
    void on(const chat_too_long&);
    void on(const chat_has_left&) {}

    void arm();

    world& world_;
    std::string name_;
    endpoint address_;
    std::unique_ptr<chat_member> client_;
    std::string wanted_;  // empty: none
    bool refused_ = false;
    unsigned life_ = 0;
    unsigned said_ = 0;
    chat_time armed_ = chat_time::max();
    std::multiset<std::string> heard_;
};

/// Somebody with a tutorial's client.
class plain_person {
public:
    plain_person(world& w, std::string n, const endpoint& e)
        : world_(w), name_(std::move(n)), address_(e) {}

    void act();
    void receive(std::span<const std::byte>);
    std::string say();

    const endpoint& address() const noexcept { return address_; }

    std::size_t heard(const std::string& text) const { return heard_.count(text); }

private:
    world& world_;
    std::string name_;
    endpoint address_;
    unsigned said_ = 0;
    std::multiset<std::string> heard_;
};

class world {
public:
    explicit world(std::uint64_t seed) : chance(seed), how(chance) {
        start_server();
        for (std::size_t i = 0; i < how.people; ++i)
            people_.push_back(std::make_unique<person>(*this, "person" + std::to_string(i)));
        for (std::size_t i = 0; i < how.plain_people; ++i)
            plain_people_.push_back(std::make_unique<plain_person>(
                *this,
                "plain" + std::to_string(i),
                endpoint::ip("127.0.0.1", static_cast<std::uint16_t>(60'000 + i))
            ));
    }

    simulated run() {
        be_in_trouble();
        converge();
        check_exactly_once();
        check_nothing_stays();
        for (const auto& p : people_)
            if (p->runs())
                tally.duplicates += p->client().statistics().duplicates;
        return tally;
    }

    void demand(bool holds, std::string_view rule) const {
        if (holds)
            return;
        const auto at = std::chrono::duration<double>(time.now().time_since_epoch()).count();
        throw broken_simulation(std::string(rule) + ", at " + std::to_string(at - 1000) + " s");
    }

    // ---- the network

    void to_server(const endpoint& from, std::string datagram) {
        record(datagram);
        send_on(from, std::move(datagram));
    }

    /// Without being recorded: what was damaged twice could be whole again.
    void send_on(const endpoint& from, std::string datagram) {
        carry([this, from, d = std::move(datagram)] {
            ++tally.datagrams;
            came_from_[from] += d.size();
            core_of(from).state->receive(time.now(), {from, server_address}, bytes_of(d));
            const chat_place* const place = find(from);
            demand(!place || place->name() != "disturber", "a cookie is needed");
            demand(!place || from.with_port(1) != nobody, "a cookie is good for its address alone");
            check_bounds();
        });
    }

    void to_client(const endpoint& to, std::string datagram) {
        check_amplification(to, datagram.size());
        check_room(to, datagram);
        carry([this, to, d = std::move(datagram)] { arrive(to, d); });
    }

    void post(std::size_t from, std::shared_ptr<const chat_post> p) {
        for (std::size_t i = 0; i < cores_.size(); ++i) {
            if (i == from)
                continue;
            // In order, between two cores.
            chat_time& last = last_post_[{from, i}];
            last = std::max(last, time.now() + chance.up_to(milliseconds(5)));
            time.at(last, [this, i, p] { cores_[i]->state->hear(*p); });
        }
    }

    // ---- who is where

    std::string any_room() {
        static const std::string names[] = {std::string(usual_chat_room), "tea", "coffee", "水"};
        return names[chance.below(how.rooms)];
    }

    /// Never the same twice.
    endpoint any_address(bool near) {
        const std::uint16_t port = next_port_++;
        const std::string host = std::to_string(1 + chance.below(250));
        return near                 ? endpoint::ip("127.0.0." + host, port)
               : chance.percent(50) ? endpoint::ip("10.1.2." + host, port)
                                    : endpoint::ip("2001:db8::" + host, port);
    }

    core& core_of(const endpoint& e) { return *cores_[e.hash() % cores_.size()]; }

    const chat_place* find(const endpoint& e) { return core_of(e).state->find(e); }

    bool healed() const noexcept { return healed_; }

    const endpoint nobody = endpoint::ip("192.0.2.1", 1);
    const endpoint server_address = endpoint::ip("192.0.2.100", 7703);
    dice chance;
    plan how;
    timeline time;
    simulated tally;

private:
    void start_server() {
        // New secrets and a new directory, the same cores.
        auto old = std::exchange(cores_, {});
        old.clear();
        chat_cookies::secret secret{};
        for (std::byte& b : secret)
            b = static_cast<std::byte>(chance.below(256));
        cookies_ = chat_cookies(secret);
        directory_ = std::make_unique<chat_directory>(how.rules, [this] { return chance(); });
        for (std::size_t i = 0; i < how.cores; ++i) {
            cores_.push_back(std::make_unique<core>(*this, i));
            core& c = *cores_.back();
            c.state = std::make_unique<chat_state>(how.rules, *directory_, cookies_, c, c);
        }
        tick(++server_);
    }

    void tick(unsigned server) {
        if (server != server_)
            return;
        for (const auto& c : cores_)
            c->state->tick(time.now());
        time.after(cores_.front()->state->tick_interval(), [this, server] { tick(server); });
    }

    void restart_server() {
        if (chance.percent(50))
            for (const auto& c : cores_)
                c->state->end();
        start_server();
    }

    void be_in_trouble() {
        const chat_time end = time.now() + how.trouble;
        for (const auto& p : people_)
            keep_acting(*p, end, seconds(3));
        for (const auto& p : plain_people_)
            keep_acting(*p, end, seconds(5));
        disturb(end);
        if (how.restarts)
            time.after(chance.up_to(how.trouble), [this] { restart_server(); });
        time.run_until(end);
        healed_ = true;
        // What is still under way is old.
        time.run_until(end + how.delay);
    }

    template <class Person>
    void keep_acting(Person& p, chat_time end, nanoseconds pause) {
        time.after(chance.up_to(pause), [this, &p, end, pause] {
            if (time.now() >= end)
                return;
            p.act();
            keep_acting(p, end, pause);
        });
    }

    // ---- those who only want to disturb

    void disturb(chat_time end) {
        time.after(chance.up_to(milliseconds(400)), [this, end] {
            if (time.now() >= end)
                return;
            const endpoint from = disturbing_address();
            send_on(from, disturbing_datagram());
            disturb(end);
        });
    }

    /// Their own, where nothing reaches them, or one of another machine that they pretend to be.
    endpoint disturbing_address() {
        const person& p = *people_[chance.below(people_.size())];
        if (p.runs() && !p.address().is_loopback() && chance.percent(50))
            return p.address();
        return nobody.with_port(static_cast<std::uint16_t>(1 + chance.below(3)));
    }

    std::string disturbing_datagram() {
        std::string out;
        chat_cookie cookie{};
        cookie[0] = static_cast<std::byte>(chance.below(3));
        switch (chance.below(7)) {
        case 0:
            write_chat(out, chat_join{chance(), cookie, any_room(), "disturber"});
            break;
        case 1:
            write_chat(out, chat_leave{chance()});
            break;
        case 2:
            write_chat(out, chat_message{chance(), 1, "x|y|z|"});
            break;
        case 3:
            write_chat(out, chat_heartbeat{chance(), 7});
            break;
        case 4:
            for (std::size_t left = chance.below(60); left > 0; --left)
                out += static_cast<char>(chance.below(256));
            break;
        default:
            return damaged(recorded_.empty() ? std::string("\xff\x01\x01") : any_recorded());
        }
        return out;
    }

    /// What somebody else sent, with the wrong address and often not whole. Not its join as it was:
    /// whoever can read that is on the way, and can do anything.
    std::string damaged(std::string datagram) {
        if (datagram.empty())
            return datagram;
        if (chance.percent(50))
            datagram.resize(chance.below(datagram.size()));
        else
            datagram[chance.below(datagram.size())] ^= static_cast<char>(1 + chance.below(127));
        // Nor its token, or its cookie: from its own address that would be the person itself.
        constexpr std::size_t token = 3, cookie = token + sizeof(std::uint64_t);
        const bool is_join = datagram.size() > 2 && datagram[2] == 1;
        if (datagram.size() > cookie)
            datagram[cookie - 1] ^= '\x80';
        if (is_join && datagram.size() > cookie)
            std::ranges::fill(std::span(datagram).subspan(cookie).first(1), '\xee');
        return datagram;
    }

    void record(const std::string& datagram) {
        if (recorded_.size() < 64)
            recorded_.push_back(datagram);
        else
            recorded_[chance.below(64)] = datagram;
    }

    const std::string& any_recorded() { return recorded_[chance.below(recorded_.size())]; }

    // ---- the network

    void carry(std::function<void()> arrive) {
        if (!healed_ && chance.percent(how.loss))
            return;
        const int copies = !healed_ && chance.percent(how.duplication) ? 2 : 1;
        for (int i = 0; i < copies; ++i)
            time.after(chance.up_to(healed_ ? milliseconds(20) : how.delay), arrive);
    }

    void arrive(const endpoint& to, const std::string& datagram) {
        ++tally.datagrams;
        for (const auto& p : people_)
            if (p->runs() && p->address() == to)
                return p->receive(bytes_of(datagram));
        for (const auto& p : plain_people_)
            if (p->address() == to)
                return p->receive(bytes_of(datagram));
    }

    // ---- the rules

    void check_amplification(const endpoint& to, std::size_t size) {
        if (to.is_loopback() || find(to))
            return;
        went_to_[to] += size;
        demand(
            went_to_[to] <= came_from_[to],
            "more goes to an address that is no member's than came from it"
        );
    }

    /// What the client drops as a stray one must not be sent at all.
    void check_room(const endpoint& to, const std::string& datagram) {
        const auto reply = read_chat_reply(bytes_of(datagram));
        if (!reply)
            return;
        const auto* const delivery = std::get_if<chat_delivery>(&*reply);
        const auto* const notice = std::get_if<chat_notice>(&*reply);
        if (!delivery && !notice)
            return;
        const chat_place* const place = find(to);
        demand(place, "a room's datagram goes to somebody who is no member");
        demand(
            place->room()->id() == (delivery ? delivery->room : notice->room),
            "a member gets what is of another room"
        );
    }

    void check_bounds() const {
        demand(directory_->members() <= how.rules.max_members, "too many members");
        demand(directory_->rooms() <= how.rules.max_rooms + 1, "too many rooms");
        std::size_t members = 0;
        for (const auto& c : cores_)
            members += c->state->members();
        demand(members == directory_->members(), "the cores and the directory count alike");
    }

    void converge() {
        // A member's third heartbeat is missed, and the next tick sees it.
        const auto& any = *cores_.front()->state;
        time.run_until(
            time.now() + 3 * how.rules.heartbeat + any.tick_interval() + milliseconds(50)
        );
        check_no_ghosts();
        // Whose name was a ghost's asks again after a second, and finds that it is free.
        time.run_until(time.now() + seconds(2));
        for (const auto& p : people_)
            check_converged(*p);
        check_no_ghosts();
    }

    /// Of those who are on the server, all want to be there.
    void check_no_ghosts() {
        std::size_t expected = 0;
        for (const auto& p : people_) {
            if (!p->runs())
                continue;
            const chat_place* const place = find(p->address());
            demand(place == nullptr || !p->wanted().empty(), p->name() + " left, and is a member");
            expected += place ? 1 : 0;
            if (place && p->client().joined() && !p->client().joining())
                demand(
                    place->id() == p->client().id() &&
                        place->room()->name() == p->client().room() && place->name() == p->name(),
                    p->name() + " is not the member that the server knows"
                );
            if (!p->refused() && !p->wanted().empty())
                demand(p->client().joined(), p->name() + " is no member again");
        }
        for (const auto& p : plain_people_)
            expected += find(p->address()) ? 1 : 0;
        std::size_t members = 0;
        for (const auto& c : cores_)
            members += c->state->members();
        demand(members == expected, "the server has members that are none");
    }

    void check_converged(const person& p) {
        if (!p.runs() || p.wanted().empty() || (how.tight && p.refused()))
            return;
        demand(p.client().joined() && !p.client().joining(), p.name() + " is no member");
        demand(p.client().room() == p.wanted(), p.name() + " is in another room");
        const chat_place* const place = find(p.address());
        demand(place && place->id() == p.client().id(), p.name() + " is not known to the server");
    }

    /// What is said now reaches everybody in the room once, and nobody else.
    void check_exactly_once() {
        struct said {
            std::string room, text;
            const person* who;
            const plain_person* plain;
        };

        std::vector<said> all;
        for (int i = 0; i < 2; ++i) {
            for (const auto& p : people_)
                if (p->runs() && p->client().joined() && !p->client().joining())
                    all.push_back({std::string(p->client().room()), p->say(0), p.get(), nullptr});
            for (const auto& p : plain_people_)
                if (find(p->address()))
                    all.push_back({how.rules.plain_room, p->say(), nullptr, p.get()});
        }
        time.run_until(time.now() + milliseconds(200));
        for (const said& s : all) {
            for (const auto& p : people_) {
                const bool is_for = p->runs() && p->client().room() == s.room &&
                                    (how.rules.echo || p.get() != s.who);
                demand(
                    p->heard(s.text) == (is_for ? 1U : 0U),
                    p->name() + " heard \"" + s.text + "\" " + std::to_string(p->heard(s.text)) +
                        " times"
                );
            }
            for (const auto& p : plain_people_) {
                const bool is_for = find(p->address()) && s.room == how.rules.plain_room &&
                                    (how.rules.echo || p.get() != s.plain);
                demand(
                    p->heard(s.text) == (is_for ? 1U : 0U), "a plain member hears each text once"
                );
            }
        }
    }

    void check_nothing_stays() {
        for (const auto& p : people_)
            if (p->runs() && chance.percent(50))
                p->leave();
            else
                p->vanish();
        time.run_until(time.now() + 4 * how.rules.heartbeat);
        std::size_t plain = 0;
        for (const auto& p : plain_people_)
            plain += find(p->address()) ? 1 : 0;
        demand(directory_->members() == plain, "members leave, and stay");
        const auto silence = how.rules.plain_silence;
        for (int i = 0; i < 2; ++i)
            for (const auto& c : cores_)
                c->state->tick(time.now() + silence);
        demand(directory_->members() == 0 && directory_->rooms() == 0, "rooms stay");
        for (const auto& c : cores_)
            demand(c->state->members() == 0 && c->state->rooms() == 0, "rooms stay on a core");
    }

    std::vector<std::unique_ptr<person>> people_;
    std::vector<std::unique_ptr<plain_person>> plain_people_;
    chat_cookies cookies_{chat_cookies::secret{}};
    std::unique_ptr<chat_directory> directory_;
    std::vector<std::unique_ptr<core>> cores_;
    unsigned server_ = 0;
    std::map<std::pair<std::size_t, std::size_t>, chat_time> last_post_;
    std::unordered_map<endpoint, std::size_t> came_from_, went_to_;
    std::vector<std::string> recorded_;
    std::uint16_t next_port_ = 1000;
    bool healed_ = false;
};

// ---- core

void core::send(const chat_path& to, frame_view f) {
    world_.demand(to.local == world_.server_address, "a datagram comes from somewhere else");
    world_.demand(f.size() <= longest_chat_datagram, "a datagram is too long");
    if (!to.peer.is_loopback())
        world_.demand(f.size() <= 1400, "a datagram to another machine is too long");
    world_.to_client(to.peer, std::string(f.text()));
}

void core::publish(std::shared_ptr<const chat_post> p) {
    world_.post(number_, std::move(p));
}

// ---- person

void person::send(frame_view f) {
    world_.to_server(address_, std::string(f.text()));
}

void person::happened(const chat_event& e) {
    std::visit([this](const auto& what) { on(what); }, e);
}

void person::start() {
    if (life_ == 0 || world_.chance.percent(60))
        address_ = world_.any_address(world_.chance.percent(50));
    ++life_;
    heard_.clear();
    refused_ = false;
    const auto client = static_cast<std::uint32_t>(world_.chance());
    client_ =
        std::make_unique<chat_member>(chat_member::options{.name = name_, .client = client}, *this);
    armed_ = chat_time::max();
    move();
}

void person::vanish() {
    if (client_)
        world_.tally.duplicates += client_->statistics().duplicates;
    client_.reset();
    wanted_.clear();
}

void person::move() {
    wanted_ = world_.any_room();
    refused_ = false;
    client_->join(world_.time.now(), wanted_);
    arm();
}

void person::leave() {
    wanted_.clear();
    refused_ = false;
    client_->leave(world_.time.now());
    arm();
}

void person::act() {
    if (!client_)
        return start();
    const auto what = world_.chance.below(100);
    if (what < 5)
        vanish();
    else if (what < 10)
        leave();
    else if (what < 18 || wanted_.empty())
        move();
    else if (what < 23)
        client_->ask_names();
    else
        say(what < 30 ? 1100 : what < 32 ? 60'000 : 0);
    if (client_)
        arm();
}

std::string person::say(std::size_t filler) {
    std::string text(client_->room());
    text += '|' + name_ + '|' + std::to_string(life_) + '.' + std::to_string(++said_) + '|';
    text.append(filler, 'x');
    const bool done = client_->say(text);
    const bool can =
        client_->joined() && !client_->joining() && text.size() <= client_->longest_text();
    world_.demand(done == can, "only members say something");
    return text;
}

void person::receive(std::span<const std::byte> datagram) {
    client_->receive(world_.time.now(), datagram);
    arm();
}

void person::arm() {
    const chat_time due = client_->due();
    if (due >= armed_)
        return;
    armed_ = due;
    world_.time.at(due, [this, life = life_, due] {
        if (life != life_ || !client_ || armed_ != due)
            return;
        armed_ = chat_time::max();
        client_->tick(world_.time.now());
        arm();
    });
}

void person::on(const chat_joined& j) {
    // Or where it was, when contact was lost before it could move.
    world_.demand(j.room == wanted_ || refused_, name_ + " did not want to be here");
    refused_ = refused_ && j.room != wanted_;
    ++world_.tally.joins;
}

void person::on(const chat_join_refused& r) {
    const bool can_be = r.reason == chat_refusal::name_taken || world_.how.tight;
    world_.demand(can_be, "refused: " + std::string(coserve::text_of(r.reason)));
    world_.demand(r.room == wanted_ || refused_, name_ + " did not ask for this room");
    refused_ = true;
    world_.time.after(seconds(1), [this, life = life_] {
        if (life != life_ || !client_ || !refused_ || wanted_.empty())
            return;
        client_->join(world_.time.now(), wanted_);
        arm();
    });
}

void person::on(const chat_heard& h) {
    world_.demand(client_->joined(), name_ + " heard something, and is no member");
    ++world_.tally.heard;
    if (h.text.empty())  // a plain member's
        return;
    const saying said(h.text);
    world_.demand(said.room == client_->room(), name_ + " heard what is for another room");
    world_.demand(
        said.name == h.name, "what " + said.name + " said is not " + std::string(h.name) + "'s"
    );
    if (h.own)
        world_.demand(said.name == name_, "what others said is not one's own");
    heard_.emplace(h.text);
    // A plain text has no number: one that the network repeats on its way to the server is two.
    if (said.name.starts_with("person"))
        world_.demand(heard_.count(std::string(h.text)) == 1, name_ + " heard it twice");
}

void person::on(const chat_noticed& n) {
    world_.demand(client_->joined() && !n.name.empty(), "a notice is for members");
}

void person::on(const chat_roster& r) {
    std::size_t names = 0;
    for (std::string_view rest = r.names; take_chat_name(rest);)
        ++names;
    world_.demand(names != 0, "a room with a member in it is not empty");
}

void person::on(const chat_lost_contact&) {
    ++world_.tally.lost_contacts;
}

void person::on(const chat_too_long&) {
    world_.demand(false, "what is too long is not sent");
}

// ---- plain_person

void plain_person::act() {
    if (world_.chance.percent(10))
        world_.to_server(address_, "");
    else
        say();
}

std::string plain_person::say() {
    const std::string text =
        world_.how.rules.plain_room + '|' + name_ + '|' + std::to_string(++said_) + '|';
    world_.to_server(address_, name_ + std::string(plain_name_mark) + text);
    return text;
}

void plain_person::receive(std::span<const std::byte> datagram) {
    std::string text = text_of(datagram);
    world_.demand(text.empty() || text[0] != '\xff', "plain members get no headers");
    if (text.empty())
        return;
    const std::size_t mark = text.find(plain_name_mark);
    world_.demand(mark != text.npos, "a name stands before a text");
    const std::string name = text.substr(0, mark);
    text.erase(0, mark + plain_name_mark.size());
    const saying said(text);
    world_.demand(said.name == name, "a plain text has its sender's name");
    world_.demand(said.room == world_.how.rules.plain_room, "a plain text is for this room");
    heard_.insert(text);
}

}  // namespace

simulated simulate_chat(std::uint64_t seed) {
    return world(seed).run();
}

}  // namespace coserve
