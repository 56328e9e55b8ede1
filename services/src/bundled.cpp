#include <coserve/services/bundled.hpp>

#include <coserve/services/echo.hpp>
#include <coserve/services/line_output.hpp>
#include <coserve/services/sink.hpp>

#include <unistd.h>

namespace coserve {

void add_bundled_services(registry& services) {
    services.add<echo>("echo");
    services.add<sink>("sink", line_output(STDOUT_FILENO));
}

}  // namespace coserve
