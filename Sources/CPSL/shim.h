// The map from libpsl, the public suffix list (Debian: libpsl-dev), into the package.
#include <libpsl.h>
