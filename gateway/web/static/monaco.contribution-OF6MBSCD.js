import{a,b}from"./chunk-QUXSWQ3L.js";import"./chunk-Y55TR2ZL.js";import"./chunk-PQG67UEH.js";import"./chunk-XNJH2OCW.js";export{b as getWorker,a as jsonDefaults};
