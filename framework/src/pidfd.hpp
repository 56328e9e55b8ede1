// Other processes, by descriptors: numbers are used again.
#pragma once

#include "unique_fd.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace coserve {

// None: there is no such process, or no descriptor is left; errno says which.
inline unique_fd open_process(pid_t id) noexcept {
    return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, id, 0)));
}

inline bool lacks_descriptors(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

inline bool send_signal(const unique_fd& process, int signal) noexcept {
    return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

}  // namespace coserve
