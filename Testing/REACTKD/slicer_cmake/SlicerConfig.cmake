# Stands in for Slicer where it is not built: enough to configure and install the extension and to see its tests.
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/Macros.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
