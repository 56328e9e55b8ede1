#include "failure.hpp"

namespace coserve_client {

std::string sentence(const coserve::system_error& error) {
    std::string text = error.what();
    const std::string code = error.code().what();
    if (text.ends_with(code))
        text.replace(text.size() - code.size(), code.size(), error.code().message());
    return text;
}

}  // namespace coserve_client
