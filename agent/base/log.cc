#include "base/log.h"

namespace lastseen {}
