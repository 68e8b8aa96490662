# SPDX-License-Identifier: MIT
# The layers, lowest first: a file may include headers of its own folder and of
# folders further up in this list.  tests/lint/check_layers.py reads it too.
set(SEGLOG_LAYERS
    format
    src/checksum
    src/memory
    src/codec
    src/columns
    src/store
    src/crypt
    src/segment
    src/session
    src/stream
    src/canonical)

# What only tests use (cmake/testing.cmake): no layer of the library, it sees
# public headers and its own.
set(SEGLOG_TESTING_LAYER src/testing)

# A file belongs to the layer of the folder it lies in, and there is nothing
# else to register: a list of files here could only repeat the folder or
# contradict it.  CONFIGURE_DEPENDS makes the next build see a new file.
set(seglog_objects)
foreach(layer IN LISTS SEGLOG_LAYERS)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${layer}/*.c)
    if(NOT sources OR (layer STREQUAL "src/columns" AND NOT SEGLOG_WITH_ZSTD))
        continue()
    endif()
    # One of the two (SEGLOG_WITH_LMDB).
    if(SEGLOG_WITH_LMDB)
        list(FILTER sources EXCLUDE REGEX "/canonical/view_absent[.]c$")
    else()
        list(FILTER sources EXCLUDE REGEX "/canonical/view[.]c$")
    endif()
    cmake_path(GET layer FILENAME name)
    set(target seglog_${name})
    add_library(${target} OBJECT ${sources})
    seglog_build_options(${target})
    target_include_directories(${target} PRIVATE
        ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
    # format/ is freestanding: it must compile without anybody's headers.
    if(NOT layer STREQUAL "format")
        target_link_libraries(${target} PRIVATE ${SEGLOG_LIBRARIES})
    endif()
    if(SEGLOG_WITH_ZSTD)
        target_compile_definitions(${target} PRIVATE SEGLOG_HAVE_ZSTD=1)
    endif()
    if(SEGLOG_WITH_OPENSSL)
        target_compile_definitions(${target} PRIVATE SEGLOG_HAVE_OPENSSL=1)
    endif()
    if(SEGLOG_HAVE_LIBDEFLATE)
        target_compile_definitions(${target} PRIVATE SEGLOG_HAVE_LIBDEFLATE=1)
    endif()
    list(APPEND seglog_objects $<TARGET_OBJECTS:${target}>)
endforeach()
