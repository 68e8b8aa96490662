# SPDX-License-Identifier: MIT
# seglog::static and seglog::shared from the same objects, and seglog::seglog,
# which is the shared one: the names are those of the installed package.

foreach(kind IN ITEMS STATIC SHARED)
    string(TOLOWER ${kind} suffix)
    set(target seglog_${suffix})
    add_library(${target} ${kind} ${seglog_objects})
    add_library(seglog::${suffix} ALIAS ${target})
    seglog_build_options(${target})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME seglog
        EXPORT_NAME ${suffix}
        LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR})
    target_include_directories(${target} PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE ${SEGLOG_LIBRARIES})
endforeach()
add_library(seglog::seglog ALIAS seglog_shared)

set(map ${PROJECT_SOURCE_DIR}/cmake/seglog.map)
check_linker_flag(C LINKER:--version-script=${map} seglog_has_version_script)
if(seglog_has_version_script)
    target_link_options(seglog_shared PRIVATE LINKER:--version-script=${map})
    set_property(TARGET seglog_shared APPEND PROPERTY LINK_DEPENDS ${map})
endif()
