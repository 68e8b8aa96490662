# SPDX-License-Identifier: MIT
# tools/examples: programs to read, which use public headers alone.  They are
# built and tested, and not installed.

find_path(sqlite3_INCLUDE_DIR sqlite3.h)
find_library(sqlite3_LIBRARY sqlite3)
mark_as_advanced(sqlite3_INCLUDE_DIR sqlite3_LIBRARY)
if(NOT sqlite3_INCLUDE_DIR OR NOT sqlite3_LIBRARY)
    message(STATUS "Examples: SQLite is not installed, left out")
    return()
endif()

add_executable(seglog_example_project_sqlite
    ${PROJECT_SOURCE_DIR}/tools/examples/project_sqlite.c)
seglog_build_options(seglog_example_project_sqlite)
set_target_properties(seglog_example_project_sqlite PROPERTIES
    OUTPUT_NAME project_sqlite
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
target_include_directories(seglog_example_project_sqlite PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${sqlite3_INCLUDE_DIR})
target_link_libraries(seglog_example_project_sqlite PRIVATE
    seglog_static ${SEGLOG_LIBRARIES} ${sqlite3_LIBRARY})
