// The map from libsodium (Debian: libsodium-dev) into the package.
#include <sodium.h>
