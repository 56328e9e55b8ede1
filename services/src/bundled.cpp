#include <coserve/services/bundled.hpp>

#include <coserve/services/echo.hpp>
#include <coserve/services/line_output.hpp>
#include <coserve/services/sink.hpp>
#include <coserve/services/upload.hpp>

#include <unistd.h>

namespace coserve {

void add_bundled_services(registry& services, const bundled_options& options) {
    services.add<echo>("echo");
    services.add<sink>("sink", line_output(STDOUT_FILENO));
    services.add<upload>("upload", upload_directories(options.upload_directory));
}

}  // namespace coserve
