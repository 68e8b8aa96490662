# SPDX-License-Identifier: MIT
# Finds lmdb as lmdb::lmdb.  Installed beside the package file, which needs
# it for users of the static library.

find_path(lmdb_INCLUDE_DIR lmdb.h)
find_library(lmdb_LIBRARY lmdb)
mark_as_advanced(lmdb_INCLUDE_DIR lmdb_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(lmdb
    REQUIRED_VARS lmdb_LIBRARY lmdb_INCLUDE_DIR)

if(lmdb_FOUND AND NOT TARGET lmdb::lmdb)
    add_library(lmdb::lmdb UNKNOWN IMPORTED)
    set_target_properties(lmdb::lmdb PROPERTIES
        IMPORTED_LOCATION "${lmdb_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${lmdb_INCLUDE_DIR}")
endif()
