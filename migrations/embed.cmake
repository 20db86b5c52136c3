# Writes OUTPUT, a C++ file with the text of every migration below ROOT/migrations.
set(entries "")
foreach(dialect postgres sqlite)
  file(GLOB files ${ROOT}/migrations/${dialect}/*.sql)
  list(SORT files)
  foreach(file ${files})
    get_filename_component(name ${file} NAME)
    file(READ ${file} text)
    string(APPEND entries "    {\"${dialect}\", \"${name}\", R\"sql(${text})sql\"},\n")
  endforeach()
endforeach()
file(WRITE ${OUTPUT} "// Generated from migrations/. Do not edit.
#include \"store/migrations.h\"

namespace lastseen {

const std::vector<Migration>& migrations() {
  static const std::vector<Migration> kMigrations = {
${entries}  };
  return kMigrations;
}

}  // namespace lastseen
")
