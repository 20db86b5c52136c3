#include "base/shared_object.h"

#include <dlfcn.h>

namespace lastseen {

Result<SharedObject> SharedObject::open(const std::string& path) {
  // RTLD_NOW: a function that the plugin misses is an error now, not a crash at some line.
  void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle != nullptr) return SharedObject(handle);
  const char* const message = ::dlerror();
  return Status::fatal(message == nullptr ? path + ": can not be loaded" : message);
}

void* SharedObject::find(const char* symbol) const {
  return ::dlsym(handle_, symbol);
}

}  // namespace lastseen
