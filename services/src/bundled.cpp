#include <coserve/services/bundled.hpp>

#include <coserve/services/echo.hpp>

namespace coserve {

void add_bundled_services(registry& services) {
    services.add<echo>("echo");
}

}  // namespace coserve
