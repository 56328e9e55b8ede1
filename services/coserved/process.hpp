/// \file
/// What the program sets for its whole process before it does anything else.
#pragma once

namespace coserved {

/// Gives closed standard streams a place, so that no socket takes their numbers.
void open_standard_streams() noexcept;

/// Nobody may be reading what the program says: that does not end it.
void set_signals() noexcept;

/// As many descriptors as the process may have: one connection takes one.
void raise_descriptor_limit() noexcept;

}  // namespace coserved
