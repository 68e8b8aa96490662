# SPDX-License-Identifier: MIT
# The programs.  They are linked with the static library, so that an installed
# tool runs from wherever it is put.  Everything in tools/ that is neither a
# program nor a command of `seglog` is shared by all of them.

set(seglog_programs json2seg seg2json seglog)

set(programs ${seglog_programs})
list(TRANSFORM programs PREPEND ${PROJECT_SOURCE_DIR}/tools/)
list(TRANSFORM programs APPEND .c)
file(GLOB commands CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/cmd_*.c)
file(GLOB shared CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/*.c)
list(REMOVE_ITEM shared ${programs} ${commands})

add_library(seglog_tool_common STATIC ${shared})
seglog_build_options(seglog_tool_common)
target_include_directories(seglog_tool_common PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(seglog_tool_common PUBLIC
    seglog_static ${SEGLOG_LIBRARIES})

# A fuzzer brings a main function of its own; its targets want what is shared.
if(SEGLOG_FUZZ_ENGINE)
    return()
endif()

foreach(program IN LISTS seglog_programs)
    # `seglog` is the name of the project and of its libraries already.
    set(target seglog_tool_${program})
    add_executable(${target} ${PROJECT_SOURCE_DIR}/tools/${program}.c)
    seglog_build_options(${target})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${program}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
    target_link_libraries(${target} PRIVATE seglog_tool_common)
endforeach()
target_sources(seglog_tool_seglog PRIVATE ${commands})
