// Loading code at run time: dlopen.
#pragma once

#include <string>

#include "base/status.h"

namespace lastseen {

/// A shared object that was loaded. It stays loaded for good: code of it may still be on a stack or
/// in a thread's destructor when it is no longer needed.
class SharedObject {
 public:
  /// kFatal with the loader's words. A path without `/` is looked for where the loader looks.
  static Result<SharedObject> open(const std::string& path);

  /// The address of a symbol, or null.
  void* find(const char* symbol) const;

 private:
  explicit SharedObject(void* handle) : handle_(handle) {}

  void* handle_;
};

}  // namespace lastseen
