// A VFS of SQLite (https://www.sqlite.org/vfs.html) in front of the real one.
#include <sqlite3.h>

#include <new>
#include <utility>

#include "base/check.h"
#include "conformance/nth_call.h"

namespace lastseen {

namespace {

struct Faults {
  int64_t left = 0;  // 0: none is armed
  NthCall::How how = NthCall::How::kFails;
  bool happened = false;

  /// SQLITE_OK, or what the call returns instead of doing anything.
  int next(int failed, int refused) {
    if (left == 0 || --left > 0) return SQLITE_OK;
    happened = true;
    return how == NthCall::How::kFails ? failed : refused;
  }
};

// SQLite hands back only the structures that it was given.
struct NthFile {
  sqlite3_file base;
  Faults* faults;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  const sqlite3_io_methods* methods() { return real()->pMethods; }
};

NthFile* of(sqlite3_file* file) {
  return reinterpret_cast<NthFile*>(file);
}

int close_file(sqlite3_file* file) {
  return of(file)->methods()->xClose(of(file)->real());
}
int read_file(sqlite3_file* file, void* bytes, int length, sqlite3_int64 at) {
  if (int code = of(file)->faults->next(SQLITE_IOERR_READ, SQLITE_IOERR_READ)) return code;
  return of(file)->methods()->xRead(of(file)->real(), bytes, length, at);
}
int write_file(sqlite3_file* file, const void* bytes, int length, sqlite3_int64 at) {
  if (int code = of(file)->faults->next(SQLITE_IOERR_WRITE, SQLITE_FULL)) return code;
  return of(file)->methods()->xWrite(of(file)->real(), bytes, length, at);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (int code = of(file)->faults->next(SQLITE_IOERR_TRUNCATE, SQLITE_FULL)) return code;
  return of(file)->methods()->xTruncate(of(file)->real(), size);
}
int sync_file(sqlite3_file* file, int flags) {
  if (int code = of(file)->faults->next(SQLITE_IOERR_FSYNC, SQLITE_FULL)) return code;
  return of(file)->methods()->xSync(of(file)->real(), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  if (int code = of(file)->faults->next(SQLITE_IOERR_FSTAT, SQLITE_IOERR_FSTAT)) return code;
  return of(file)->methods()->xFileSize(of(file)->real(), size);
}
int lock_file(sqlite3_file* file, int level) {
  if (int code = of(file)->faults->next(SQLITE_IOERR_LOCK, SQLITE_BUSY)) return code;
  return of(file)->methods()->xLock(of(file)->real(), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return of(file)->methods()->xUnlock(of(file)->real(), level);
}
int check_reserved(sqlite3_file* file, int* reserved) {
  return of(file)->methods()->xCheckReservedLock(of(file)->real(), reserved);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return of(file)->methods()->xFileControl(of(file)->real(), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return of(file)->methods()->xSectorSize(of(file)->real());
}
int characteristics(sqlite3_file* file) {
  return of(file)->methods()->xDeviceCharacteristics(of(file)->real());
}
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** place) {
  if (int code = of(file)->faults->next(SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMSIZE)) return code;
  return of(file)->methods()->xShmMap(of(file)->real(), page, size, extend, place);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  if (flags & SQLITE_SHM_LOCK)
    if (int code = of(file)->faults->next(SQLITE_IOERR_SHMLOCK, SQLITE_BUSY)) return code;
  return of(file)->methods()->xShmLock(of(file)->real(), offset, count, flags);
}
void barrier(sqlite3_file* file) {
  of(file)->methods()->xShmBarrier(of(file)->real());
}
int unmap_shared(sqlite3_file* file, int remove) {
  return of(file)->methods()->xShmUnmap(of(file)->real(), remove);
}

constexpr sqlite3_io_methods kMethods = {
    2,         close_file,   read_file,       write_file,  truncate_file,
    sync_file, file_size,    lock_file,       unlock_file, check_reserved,
    control,   sector_size,  characteristics, map_shared,  lock_shared,
    barrier,   unmap_shared, nullptr,         nullptr};

class SqliteNthCall final : public NthCall {
 public:
  explicit SqliteNthCall(StoreSettings settings)
      : settings_(std::move(settings)), real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = "nth";
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(NthFile)) + real_->szOsFile;
    vfs_.pNext = nullptr;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    vfs_.xAccess = access;
    CHECK(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
  }
  ~SqliteNthCall() override {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }

  StoreSettings settings() const override { return settings_; }
  void arm(int64_t n, How how) override { faults_ = {n, how, false}; }
  bool happened() const override { return faults_.happened; }

 private:
  static SqliteNthCall& self(sqlite3_vfs* vfs) {
    return *static_cast<SqliteNthCall*>(vfs->pAppData);
  }
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    file->pMethods = nullptr;
    if (int code = self(vfs).faults_.next(SQLITE_CANTOPEN, SQLITE_CANTOPEN)) return code;
    NthFile* made = of(file);
    made->faults = &self(vfs).faults_;
    sqlite3_vfs* real = self(vfs).real_;
    const int code = real->xOpen(real, name, made->real(), flags, out);
    if (made->methods()) file->pMethods = &kMethods;
    return code;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync) {
    if (int code = self(vfs).faults_.next(SQLITE_IOERR_DELETE, SQLITE_IOERR_DELETE)) return code;
    return self(vfs).real_->xDelete(self(vfs).real_, name, sync);
  }
  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    if (int code = self(vfs).faults_.next(SQLITE_IOERR_ACCESS, SQLITE_IOERR_ACCESS)) return code;
    return self(vfs).real_->xAccess(self(vfs).real_, name, flags, out);
  }

  const StoreSettings settings_;
  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
  Faults faults_;
};

}  // namespace

std::unique_ptr<NthCall> make_sqlite_nth_call(StoreSettings settings) {
  return std::make_unique<SqliteNthCall>(std::move(settings));
}

}  // namespace lastseen
