// A command that does as little as one can.
#include <unistd.h>

int main() {
    return ::write(STDOUT_FILENO, "done\n", 5) == 5 ? 0 : 1;
}
